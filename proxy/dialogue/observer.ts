// Looks at one connection beside its bytes: frames each direction as the profile says and writes what it saw into the
// journal. It is fed after the bytes were passed on, and whatever goes wrong in here ends the looking, never the
// connection: what cannot be parsed is raw from there on, and hidden, since it may hold secrets.

import { Detector, type Found } from '../profiles/auto.ts';
import { type Conversation, Frame, KINDS, type Kind, LF, type Profile, type Talk } from '../profiles/profile.ts';
import { Direction, type DirectionOwner } from './direction.ts';
import type { SideName } from './event.ts';
import { FROM_SERVER, type Journal, MORE, OPEN, PART, TERMINATORS, TRUNCATED } from './journal.ts';
import { Requests } from './requests.ts';

/** More than this is not kept of a direction that waits for the other one's word. */
const MAX_HELD = 262_144;
const CR = 0x0d;
const KIND_NUMBER = Object.fromEntries(KINDS.map((kind, n) => [kind, n])) as Readonly<Record<Kind, number>>;

type Rest = 'tls' | 'data' | 'broken';

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
}

export class Observer implements Talk, DirectionOwner {
  readonly client = new Direction('client', this);
  readonly server = new Direction('server', this);
  private readonly journal: Journal;
  private readonly conn: number;
  private readonly now: () => number;
  private readonly requests = new Requests();
  private readonly frame = new Frame();
  private conversation: Conversation | null = null;
  private detector: Detector | null = null;
  private prompts = false;
  /** A direction has ended, of which not all may be looked at yet. */
  private isEnding = false;
  private time: number;
  /** When and with which event the request in hand is made; before the first frame, by connecting. */
  private askTime: number;
  private askSeq: number;
  /** Raw for good: nothing is framed any more. */
  private rest: Rest | null = null;

  // What the profile says about the frame in hand.
  private kind = 0;
  private flags = 0;
  private hiddenFrom = 0;
  private hiddenTo = 0;
  private latency = Number.NaN;
  private answers = -1;
  private remark = '';
  private turn: { why: string; rest: Rest } | null = null;

  constructor({ journal, conn, profile, client, upstream, now }: ObserverOptions) {
    this.journal = journal;
    this.conn = conn;
    this.now = now;
    this.time = this.askTime = now();
    this.askSeq = journal.next;
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

  // What profiles call.

  hide(from = this.frame.start, to = this.frame.end): void {
    this.hiddenFrom = from;
    this.hiddenTo = to;
  }

  part(): void {
    this.flags |= PART;
  }

  note(text: string): void {
    this.remark = text;
  }

  ask(what: string, tag?: string): void {
    if (this.requests.ask(what, this.askSeq, this.askTime, tag)) return;
    this.raw('too many requests without an answer', 'broken');
  }

  get asked(): string {
    return this.requests.oldest;
  }

  get outstanding(): number {
    return this.requests.size;
  }

  answer(final = true, tag?: string): string {
    const what = this.requests.answer(final, tag);
    if (what === undefined) return '';
    this.answers = this.requests.answeredSeq;
    if (final) this.latency = this.time - this.requests.answeredTime;
    return what;
  }

  raw(why: string, rest: Rest): void {
    this.turn = { why, rest };
  }

  // What the directions call.

  framed(direction: Direction, state: Frame['state']): void {
    // As it was before the profile says what comes next.
    const { bytes, start, end, mode, terminatorNumber } = direction;
    this.describe(direction);
    if (direction.isRest) {
      // The profile has seen the beginning of this line and decided.
      if (direction.hidesRest) this.hide(start, end);
    } else {
      this.consult(direction, state);
      direction.hidesRest = this.hiddenTo > this.hiddenFrom;
    }
    if (state === 'truncated') this.flags |= MORE | TRUNCATED;
    if (state === 'open') this.flags |= OPEN;
    this.write(direction, bytes, start, end, state === 'whole' && !mode.piecewise ? terminatorNumber : 0);
    this.afterFrame(direction);
  }

  piece(direction: Direction, chunk: Buffer, start: number, end: number): void {
    this.describe(direction);
    this.flags |= MORE;
    if (direction.mode.kind === 'secret') this.hide(start, end);
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
    direction.feed(chunk);
    if (direction.held > MAX_HELD) this.becomeRaw(direction, 'too much was said before the answer', 'broken');
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
    this.prompts = profile.prompts === true;
    this.conversation = profile.start(this);
  }

  private describe({ mode, name }: Direction): void {
    this.kind = KIND_NUMBER[mode.kind];
    this.flags = name === 'server' ? FROM_SERVER : 0;
    this.hiddenFrom = this.hiddenTo = 0;
    this.latency = Number.NaN;
    this.answers = -1;
  }

  private consult({ mode, name, bytes, start, end }: Direction, state: Frame['state']): void {
    const { frame, conversation } = this;
    frame.bytes = bytes;
    frame.start = start;
    // A CR before LF is part of the line's end.
    frame.end = mode.terminator === LF && end > start && bytes[end - 1] === CR ? end - 1 : end;
    frame.state = state;
    this.askTime = this.time;
    this.askSeq = this.journal.next;
    if (mode.kind === 'secret') this.hide();
    if (name === 'client') conversation!.client(frame);
    else conversation!.server(frame);
  }

  private afterFrame({ name }: Direction): void {
    if (this.remark !== '') this.tellNote(name, this.remark);
    this.remark = '';
    if (this.turn) return this.becomeRaw(this[name], this.turn.why, this.turn.rest);
    this.client.settle();
    this.server.settle();
    if (this.isEnding) this.tellEnds();
  }

  private becomeRaw({ name }: Direction, why: string, rest: Rest): void {
    if (this.rest !== null) return;
    this.rest = rest;
    this.tellNote(name, `${why}: raw from here on`);
    for (const direction of [this.client, this.server]) {
      const bytes = direction.stop();
      // Said in the clear before TLS was agreed upon: RFC 3207 5, CVE-2011-0411.
      if (rest === 'tls' && bytes.length > 0 && bytes[0]![0] !== 0x16) {
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
      if (direction.takeEnd()) this.journal.tell(this.conn, this.time, { type: 'end', from: direction.name });
    }
  }

  private writeRaw(direction: Direction, bytes: Buffer, hidden: boolean): void {
    this.describe(direction);
    this.kind = KIND_NUMBER.raw;
    if (hidden) this.hide(0, bytes.length);
    this.write(direction, bytes, 0, bytes.length, 0);
  }

  private write(direction: Direction, chunk: Buffer, start: number, end: number, terminator: number): void {
    const { journal } = this;
    const slot = journal.claim(chunk);
    journal.conn[slot] = this.conn;
    journal.time[slot] = this.time;
    journal.offset[slot] = direction.offset;
    journal.start[slot] = start;
    journal.end[slot] = end;
    journal.hiddenFrom[slot] = this.hiddenFrom;
    journal.hiddenTo[slot] = this.hiddenTo;
    journal.kind[slot] = this.kind;
    journal.flags[slot] = this.flags;
    journal.terminator[slot] = terminator;
    journal.latency[slot] = this.latency;
    journal.answers[slot] = this.answers;
    direction.offset += end - start + TERMINATORS[terminator]!.length;
  }
}
