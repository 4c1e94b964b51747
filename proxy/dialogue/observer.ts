// Looks at one connection beside its bytes: frames each direction as the profile says and writes what it saw into the
// journal. It is fed after the bytes were passed on, and whatever goes wrong in here ends the looking, never the
// connection: what cannot be parsed is raw from there on, and hidden, since it may hold secrets.

import { Detector, type Found } from '../profiles/auto.ts';
import { type Conversation, Frame, KINDS, type Kind, LF, type Profile, type Rest } from '../profiles/profile.ts';
import { Direction, type DirectionOwner, HANDSHAKE, MAX_LINE } from './direction.ts';
import type { SideName } from './event.ts';
import { FROM_SERVER, type Journal, MORE, OPEN, PART, TERMINATORS, TRUNCATED, wholeFrame } from './journal.ts';
import { Verdict } from './verdict.ts';

/** More than this is not kept of a direction that waits for the other one's word. */
const MAX_HELD = 262_144;
const CR = 0x0d;

export interface ObserverOptions {
  readonly journal: Journal;
  /** The connection's number in the journal. */
  readonly conn: number;
  /** Null: found out by the port, and by what is said first. */
  readonly profile: Profile | null;
  /** Both ends, as text. */
  readonly client: string;
  readonly upstream: string;
  /** Milliseconds since the epoch, as fine as there is. */
  now(): number;
  /** Gets all bytes, once and in order, as they were framed. */
  readonly tap?: Tap;
  /** TLS was agreed upon, and what is fed from now on is what is said inside. `early`: the client has begun already. */
  readonly secure?: ((early: Buffer) => void) | undefined;
}

export interface Tap {
  /** What it answers is for the journal. */
  framed(from: SideName, kind: Kind, bytes: Buffer, about: About): Remark | null;
  /** A frame is done with, and the next one has not begun. */
  between?(): void;
  /** From here on it cannot be framed any more. */
  broken?(from: SideName, why: string, offset: number): void;
  /** Bytes were said in the clear where TLS should begin, and go nowhere. */
  plaintext?(from: SideName, size: number, offset: number): void;
  /** Something was said in the clear where TLS begins, and goes nowhere. */
  dropped?(from: SideName, offset: number): void;
  /** All that was said before was framed. */
  ended(from: SideName): void;
}

export interface Remark {
  readonly note?: string;
  /** The effects that have touched the frame. */
  readonly effects?: readonly string[];
}

/** What is known of a frame. */
export interface About {
  /** Of its first byte in the stream of its direction. */
  readonly offset: number;
  /** It goes on in the next one of its direction; its end may come without a byte. */
  readonly more: boolean;
  /** The message goes on behind it. */
  readonly part: boolean;
  /** Its length was announced. */
  readonly counted: boolean;
  /** It came before the word that it should have waited for. */
  readonly early: boolean;
  /** Requests that it makes, and the tag of the last one. */
  readonly asks: number;
  readonly tag: string | undefined;
}

export class Observer implements DirectionOwner {
  readonly client = new Direction('client', this);
  readonly server = new Direction('server', this);
  /** What the profile says about the frame in hand. */
  private readonly verdict = new Verdict(this.client, this.server);
  private readonly journal: Journal;
  private readonly conn: number;
  private readonly now: () => number;
  private readonly tap: Tap | undefined;
  private secure: ObserverOptions['secure'];
  private readonly frame = new Frame();
  private conversation: Conversation | null = null;
  private detector: Detector | null = null;
  private profile: Profile | null = null;
  private prompts = false;
  private isCounted = false;
  /** A direction has ended, of which not all may be looked at yet. */
  private isEnding = false;
  private time: number;
  /** Raw for good: nothing is framed any more. */
  private rest: Rest | null = null;

  constructor({ journal, conn, profile, client, upstream, now, tap, secure }: ObserverOptions) {
    this.tap = tap;
    this.secure = secure;
    this.journal = journal;
    this.conn = conn;
    this.now = now;
    this.time = now();
    this.verdict.at(this.time, journal.next);
    journal.tell(conn, this.time, { type: 'open', client, upstream, protocol: profile?.name ?? 'auto' });
    if (profile) this.begin(profile);
    else this.detector = new Detector(upstream);
  }

  /** Takes what has been passed on. The chunk must not be changed afterwards. */
  feed(from: SideName, chunk: Buffer): void {
    this.time = this.now();
    this.guarded(() => this.take(from, chunk));
  }

  /** A direction has ended in order. */
  finish(from: SideName): void {
    this.time = this.now();
    this.guarded(() => {
      if (this.detector) this.choose(this.detector.guess());
      this[from].finish();
    });
    this.tellEnds();
  }

  /** The connection is gone. */
  close(end: { readonly bytesUp: number; readonly bytesDown: number; readonly error: string }): void {
    this.time = this.now();
    this.guarded(() => {
      if (this.detector) this.choose(this.detector.guess());
      // What still waits for an answer will have none.
      for (const direction of [this.client, this.server]) {
        direction.abandon();
        for (const bytes of direction.stop()) this.writeRaw(direction, bytes, true);
      }
    });
    this.tellEnds();
    const { bytesUp, bytesDown, error } = end;
    this.journal.tell(this.conn, this.time, { type: 'close', bytesUp, bytesDown, error });
  }

  /** A remark of whoever feeds it. */
  note(text: string): void {
    this.time = this.now();
    this.tellNote('server', text);
  }

  /** Said in the clear where TLS should begin, and not passed on. Masked: it may be anything. */
  drop(from: SideName, bytes: Buffer): void {
    this.tap?.dropped?.(from, this[from].offset);
    const direction = this[from];
    this.tellNote(from, `${bytes.length} bytes of plaintext came where TLS should begin: they go nowhere`);
    this.tap?.plaintext?.(from, bytes.length, direction.offset);
    this.describe(direction, 'raw', 0, bytes.length);
    this.verdict.hide();
    this.record(direction, bytes, 0, bytes.length, 0);
  }

  // What a tap calls.

  /** Null: not found out yet. */
  get protocol(): string | null {
    return this.profile?.name ?? null;
  }

  /** Finds out now, by what there is. */
  decide(): void {
    this.guarded(() => {
      if (this.detector) this.choose(this.detector.guess());
    });
  }

  /** Whether lines without an end may be prompts, and this direction is in one. */
  isPrompting(from: SideName): boolean {
    return this.prompts && this[from].inLine;
  }

  /** The prompt in hand is taken as it is. */
  cutPrompt(from: SideName): void {
    this.guarded(() => this[from].cutHere());
  }

  /** Requests without a tag so far, and how many of them have their answers. */
  get progress(): { readonly asked: number; readonly answered: number } {
    return this.verdict.requests;
  }

  /** The requests of the frame in hand never reach the server: nobody waits for an answer. */
  cancel(): void {
    const { requests, asks, tag } = this.verdict;
    requests.cancel(asks, tag);
    this.client.release();
  }

  /** Says something in the server's place, between two of its frames. False when it is in the middle of one. */
  insert(bytes: Buffer): boolean {
    if (this.rest !== null || this.server.inLine) return false;
    this.guarded(() => this.server.insert(bytes));
    return true;
  }

  // What the directions call.

  framed(direction: Direction, state: Frame['state']): void {
    const { verdict } = this;
    // As it was before the profile says what comes next.
    const { bytes, start, end, mode, terminatorNumber } = direction;
    // A CR before LF is part of the line's end.
    const hasCr = mode.terminator === LF && end > start && bytes[end - 1] === CR;
    this.describe(direction, mode.kind, start, hasCr ? end - 1 : end);
    if (direction.isRest) {
      // The profile has seen the beginning of this line and decided.
      if (direction.hidesRest) verdict.hide(start, end);
    } else {
      this.consult(direction, bytes, start, hasCr ? end - 1 : end, state);
      direction.hidesRest = verdict.hiddenTo > verdict.hiddenFrom;
    }
    if (state === 'truncated') verdict.flags |= MORE | TRUNCATED;
    if (state === 'open') verdict.flags |= OPEN;
    this.write(direction, bytes, start, end, state === 'whole' && !mode.piecewise ? terminatorNumber : 0);
    this.afterFrame(direction);
  }

  piece(direction: Direction, chunk: Buffer, start: number, end: number): void {
    this.describe(direction, direction.mode.kind, start, end);
    this.verdict.flags |= MORE;
    this.write(direction, chunk, start, end, 0);
    if (direction.name !== 'client' || !this.conversation?.clientPiece) return;
    this.frame.bytes = chunk;
    this.frame.start = start;
    this.frame.end = end;
    this.conversation.clientPiece(this.frame);
  }

  hello(): void {
    this.becomeRaw(this.client, 'TLS', 'tls');
  }

  private guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.becomeRaw(this.client, `looking at it failed: ${(error as Error).message}`, 'broken');
    }
  }

  private take(from: SideName, chunk: Buffer): void {
    const direction = this[from];
    if (this.rest !== null) return this.writeRaw(direction, chunk, this.rest === 'broken');
    if (this.detector) return this.choose(this.detector.feed(from, chunk));
    if (this.prompts) (direction === this.client ? this.server : this.client).cutHere();
    this.frameLines(direction, chunk);
    if (direction.held > MAX_HELD) this.becomeRaw(direction, 'too much was said before the answer', 'broken');
  }

  /** Lines that the profile has nothing to say about are written down together. */
  private frameLines(direction: Direction, chunk: Buffer): void {
    const { conversation, conn, time, tap } = this;
    if (!conversation?.skims || tap !== undefined || !direction.isPlain) return direction.feed(chunk);
    if (direction.inLine) {
      // What the network has cut is put together first.
      const head = chunk.indexOf(LF) + 1;
      direction.feed(head === 0 ? chunk : chunk.subarray(0, head));
      if (head > 0 && head < chunk.length) this.take(direction.name, chunk.subarray(head));
      return;
    }
    if (chunk.includes(HANDSHAKE) || !conversation.skims(direction.name)) return direction.feed(chunk);
    this.describe(direction, direction.mode.kind, 0, 0);
    const { kind, flags } = this.verdict;
    const end = this.journal.lines(chunk, MAX_LINE, { conn, time, offset: direction.offset, kind, flags });
    direction.offset += end;
    if (end < chunk.length) direction.feed(end === 0 ? chunk : chunk.subarray(end));
  }

  /** The protocol is known, or not yet. What was kept meanwhile is looked at now. */
  private choose(found: Found | null): void {
    if (found === null) return;
    this.detector = null;
    const { because: from, profile } = found;
    this.journal.tell(this.conn, this.time, { type: 'protocol', from, protocol: profile.name });
    this.begin(profile);
    for (const { from, chunk } of found.kept) this.take(from, chunk);
  }

  private begin(profile: Profile): void {
    this.profile = profile;
    this.prompts = profile.prompts === true;
    this.conversation = profile.start(this.verdict);
  }

  private describe({ name, mode }: Direction, kind: Kind, start: number, end: number): void {
    this.isCounted = this.rest === null && typeof mode.terminator === 'number';
    this.verdict.begin(kind, name === 'server' ? FROM_SERVER : 0, start, end);
  }

  private consult({ name }: Direction, bytes: Buffer, start: number, end: number, state: Frame['state']): void {
    const { frame, conversation, verdict } = this;
    frame.bytes = bytes;
    frame.start = start;
    frame.end = end;
    frame.state = state;
    verdict.at(this.time, this.journal.next);
    try {
      if (name === 'client') conversation!.client(frame);
      else conversation!.server(frame);
    } catch (error) {
      // The frame is in hand, and must be written all the same.
      verdict.raw(`the profile failed: ${(error as Error).message}`, 'broken');
      verdict.hide();
    }
  }

  private afterFrame({ name }: Direction): void {
    const { verdict } = this;
    if (verdict.remark !== '') this.tellNote(name, verdict.remark);
    verdict.remark = '';
    if (verdict.turn?.rest === 'tls' && this.secure)
      return this.becomeSecure(this[name], verdict.turn.why, this.secure);
    if (verdict.turn) return this.becomeRaw(this[name], verdict.turn.why, verdict.turn.rest);
    this.client.settle();
    this.server.settle();
    this.tap?.between?.();
    if (this.isEnding) this.tellEnds();
  }

  /** The same conversation goes on inside TLS, once. What was said behind the agreement in the clear does not. */
  private becomeSecure({ name }: Direction, why: string, secure: (early: Buffer) => void): void {
    this.secure = undefined;
    this.verdict.turn = null;
    this.tellNote(name, `${why}: inside TLS from here on`);
    let early: Buffer = Buffer.alloc(0);
    for (const direction of [this.client, this.server]) {
      const bytes = direction.takeRest();
      if (direction === this.client && isHello(bytes)) early = bytes;
      else if (bytes.length > 0) this.drop(direction.name, bytes);
    }
    this.client.release();
    this.client.settle();
    secure(early);
  }

  private becomeRaw({ name }: Direction, why: string, rest: Rest): void {
    if (this.rest !== null) return;
    this.rest = rest;
    this.tellNote(name, `${why}: raw from here on`);
    if (rest === 'broken') this.tap?.broken?.(name, why, this[name].offset);
    for (const direction of [this.client, this.server]) {
      const bytes = direction.stop();
      // Said in the clear before TLS was agreed upon: RFC 3207 5, CVE-2011-0411.
      if (rest === 'tls' && bytes.length > 0 && !isHello(bytes[0]!)) {
        const size = bytes.reduce((sum, { length }) => sum + length, 0);
        this.tellNote(direction.name, `${size} bytes of plaintext came before TLS was agreed upon`);
      }
      for (const one of bytes) this.writeRaw(direction, one, rest === 'broken');
    }
  }

  private tellNote(from: SideName, text: string): void {
    this.journal.tell(this.conn, this.time, { type: 'note', from, text });
  }

  private tellEnds(): void {
    this.isEnding = true;
    for (const direction of [this.client, this.server]) {
      if (!direction.takeEnd()) continue;
      this.journal.tell(this.conn, this.time, { type: 'end', from: direction.name });
      this.tap?.ended(direction.name);
    }
  }

  private writeRaw(direction: Direction, bytes: Buffer, hidden: boolean): void {
    this.describe(direction, this.rest === 'tls' ? 'tls' : 'raw', 0, bytes.length);
    if (hidden) this.verdict.hide();
    this.write(direction, bytes, 0, bytes.length, 0);
  }

  private tellTap(tap: Tap, direction: Direction, bytes: Buffer, offset: number): void {
    const { verdict } = this;
    const { flags, asks, tag } = verdict;
    const remark = tap.framed(direction.name, KINDS[verdict.kind]!, bytes, {
      ...{ offset, asks, tag, more: (flags & MORE) !== 0, part: (flags & PART) !== 0, early: direction.isEarly },
      counted: this.isCounted,
    });
    if (remark?.note) verdict.remark = remark.note;
    if (remark?.effects) this.journal.touch(remark.effects);
  }

  private write(direction: Direction, chunk: Buffer, start: number, end: number, terminator: number): void {
    const { offset } = direction;
    this.record(direction, chunk, start, end, terminator);
    if (this.tap) this.tellTap(this.tap, direction, wholeFrame(chunk, start, end, terminator), offset);
  }

  private record(direction: Direction, chunk: Buffer, start: number, end: number, terminator: number): void {
    const { journal, verdict } = this;
    const slot = journal.claim(chunk);
    journal.conn[slot] = this.conn;
    journal.time[slot] = this.time;
    journal.offset[slot] = direction.offset;
    journal.start[slot] = start;
    journal.end[slot] = end;
    journal.hiddenFrom[slot] = verdict.hiddenFrom;
    journal.hiddenTo[slot] = verdict.hiddenTo;
    journal.kind[slot] = verdict.kind;
    journal.flags[slot] = verdict.flags;
    journal.terminator[slot] = terminator;
    journal.latency[slot] = verdict.latency;
    journal.answers[slot] = verdict.answers;
    direction.offset += end - start + TERMINATORS[terminator]!.length;
  }
}

/** The first byte of a handshake's record (RFC 8446 5.1). */
function isHello(bytes: Buffer): boolean {
  return bytes[0] === 0x16;
}
