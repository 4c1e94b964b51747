// HTTP/1: a start line, fields, an empty line, and a body whose length follows from them (RFC 9112 6.3): none behind
// 1xx, 204, 304 and HEAD, chunks (7.1), a count, or all until the end. A lone LF ends a line too (2.2). Answers come in
// the order of the requests (9.3.2); 1xx is not the last one. Behind 101, and 2xx to CONNECT, it is not HTTP any more.
// Secret: fields that carry credentials, and such parameters of a URL. Bodies are shown as they are.
import {
  type Conversation,
  counted,
  ENDLESS,
  type Frame,
  lineOf,
  type Mode,
  type Profile,
  type Side,
  type Talk,
} from './profile.ts';

const START_OF_REQUEST = lineOf('command');
const START_OF_RESPONSE = lineOf('reply');
const FIELD = lineOf('header');
const SECRET_FIELD =
  /^(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key|api-key|x-auth-token|x-csrf-token|authentication-info|[\w-]*(?:token|secret|password|api-?key)[\w-]*)[ \t]*:/i;
const SECRET_PARAMETER = /[?&;](?:[\w-]*(?:token|password|passwd|secret|api_?key|signature|sig))=([^&\s]*)/gi;

/** One direction's message. */
class Message {
  private readonly talk: Talk;
  private readonly side: Side;
  private readonly startMode: Mode;
  private state: 'start' | 'fields' | 'body' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' = 'start';
  private length: number | 'chunked' | 'endless' | null = null;
  private wasSecret = false;
  /** There is no body whatever the fields say. */
  hasNoBody = false;
  upgrades = false;

  constructor(talk: Talk, side: Side, startMode: Mode) {
    this.talk = talk;
    this.side = side;
    this.startMode = startMode;
    side.next(startMode);
  }

  get atStart(): boolean {
    return this.state === 'start';
  }

  begin(): void {
    this.state = 'fields';
    this.length = null;
    this.hasNoBody = this.upgrades = this.wasSecret = false;
    this.talk.part();
    this.side.next(FIELD);
  }

  /** True when the message ends with this frame. `untilEnd`: a body without a length goes on to the end. */
  frame(frame: Frame, untilEnd: boolean): boolean {
    const { side, talk } = this;
    switch (this.state) {
      case 'fields':
      case 'trailer':
        if (frame.length > 0) {
          this.field(frame);
          break;
        }
        if (this.state === 'fields' && this.startBody(untilEnd)) break;
        return this.end();
      case 'chunk-size': {
        const size = Number.parseInt(/^\s*([\da-f]{1,12})/i.exec(frame.text())?.[1] ?? '', 16);
        if (Number.isNaN(size)) {
          talk.raw('a chunk without a size', 'broken');
          return false;
        }
        this.state = size === 0 ? 'trailer' : 'chunk';
        if (size > 0) side.next(counted(size, 'body'));
        break;
      }
      case 'chunk':
        this.state = 'chunk-end';
        side.next(FIELD);
        break;
      case 'chunk-end':
        this.state = 'chunk-size';
        break;
      case 'body':
      case 'start':
        return this.end();
    }
    talk.part();
    return false;
  }

  private end(): true {
    this.state = 'start';
    this.side.next(this.startMode);
    return true;
  }

  private field(frame: Frame): void {
    const text = frame.text();
    // A folded line belongs to the field before (RFC 9112 5.2).
    const isFolded = /^[ \t]/.test(text);
    if (!isFolded) this.wasSecret = SECRET_FIELD.test(text);
    if (this.wasSecret) this.talk.hide(frame.start + /^(?:[^:\s]+[ \t]*:)?[ \t]*/.exec(text)![0].length);
    const [, name = '', value = ''] = /^([^:\s]+)[ \t]*:[ \t]*(.*?)[ \t]*$/.exec(text) ?? [];
    if (/^transfer-encoding$/i.test(name)) this.length = /(?:^|,)\s*chunked$/i.test(value) ? 'chunked' : 'endless';
    else if (/^content-length$/i.test(name) && this.length === null && /^\d{1,15}$/.test(value))
      this.length = Number(value);
    else if (/^upgrade$/i.test(name)) this.upgrades = true;
  }

  /** False when there is none. */
  private startBody(untilEnd: boolean): boolean {
    if (this.hasNoBody || this.length === 0) return false;
    if (this.length === null && !untilEnd) return false;
    if (this.length === 'chunked') {
      this.state = 'chunk-size';
      return true;
    }
    this.state = 'body';
    this.side.next(typeof this.length === 'number' ? counted(this.length, 'body') : ENDLESS);
    return true;
  }
}

class HttpConversation implements Conversation {
  private readonly talk: Talk;
  private readonly request: Message;
  private readonly response: Message;
  private method = '';
  private status = 0;

  constructor(talk: Talk) {
    this.talk = talk;
    this.request = new Message(talk, talk.client, START_OF_REQUEST);
    this.response = new Message(talk, talk.server, START_OF_RESPONSE);
  }

  client(frame: Frame): void {
    const { talk, request } = this;
    if (request.atStart) {
      // Empty lines before a request are skipped (RFC 9112 2.2).
      if (frame.length === 0) return;
      const text = frame.text();
      const found = /^([!#$%&'*+.^_`|~\w-]+) \S+ HTTP\/1\.\d$/.exec(text);
      if (!found) return talk.raw('no request of HTTP/1', 'broken');
      this.method = found[1]!;
      hideParameters(talk, frame, text);
      return request.begin();
    }
    if (!request.frame(frame, false)) return;
    talk.ask(this.method);
    if (this.method === 'CONNECT' || request.upgrades) talk.client.hold();
  }

  server(frame: Frame): void {
    const { talk, response } = this;
    if (response.atStart) {
      if (frame.length === 0) return;
      const found = /^HTTP\/1\.\d (\d{3})(?: |$)/.exec(frame.text());
      if (!found) return talk.raw('no response of HTTP/1', 'broken');
      this.status = Number(found[1]);
      response.begin();
      response.hasNoBody = this.status < 200 || this.status === 204 || this.status === 304 || talk.asked === 'HEAD';
      if (talk.asked === 'CONNECT' && this.status < 300) response.hasNoBody = true;
      talk.answer(false);
      return;
    }
    const isDone = response.frame(frame, true);
    const isInterim = this.status < 200 && this.status !== 101;
    const asked = talk.answer(isDone && !isInterim);
    if (!isDone) return;
    if (this.status === 101) talk.raw('another protocol', 'data');
    else if (asked === 'CONNECT' && this.status >= 200 && this.status < 300) talk.raw('a tunnel', 'data');
    else if (!isInterim && talk.outstanding === 0) talk.client.release();
  }
}

function hideParameters(talk: Talk, frame: Frame, text: string): void {
  const found = [...text.matchAll(SECRET_PARAMETER)];
  const [first, last] = [found[0], found.at(-1)];
  if (!first || !last) return;
  const end = last.index + last[0].length;
  talk.hide(frame.start + first.index + first[0].length - first[1]!.length, frame.start + end);
}

export const http: Profile = { name: 'http', start: (talk) => new HttpConversation(talk) };
