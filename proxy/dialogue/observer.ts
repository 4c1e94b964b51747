// Looks at one connection beside its bytes: frames each direction as the profile says and writes what it saw into the
// journal. It is fed after the bytes were passed on, and whatever goes wrong in here ends the looking, never the
// connection: what cannot be parsed is raw from there on, and hidden, since it may hold secrets.

import { Detector, type Found } from '../profiles/auto.ts';
import { type Frame, LF, type Profile, type Rest } from '../profiles/profile.ts';
import { Direction, type DirectionOwner, HANDSHAKE, MAX_LINE } from './direction.ts';
import type { SideName } from './event.ts';
import { FrameLog } from './frame-log.ts';
import { Interpreter } from './interpreter.ts';
import { type Journal, MORE, OPEN, TRUNCATED } from './journal.ts';
import type { Tap } from './tap.ts';
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
  /** The connection that has arranged this one. */
  readonly of?: number;
  /** Milliseconds since the epoch, as fine as there is. */
  now(): number;
  /** Gets all bytes, once and in order, as they were framed. */
  readonly tap?: Tap;
  /** TLS was agreed upon, and what is fed from now on is what is said inside. `early`: the client has begun already. */
  readonly secure?: ((early: Buffer) => void) | undefined;
}

export class Observer implements DirectionOwner {
  readonly client = new Direction('client', this);
  readonly server = new Direction('server', this);
  /** What the profile says about the frame in hand. */
  private readonly verdict = new Verdict(this.client, this.server);
  private readonly log: FrameLog;
  private readonly now: () => number;
  private secure: ObserverOptions['secure'];
  private readonly interpreter = new Interpreter(this.verdict);
  private detector: Detector | null = null;
  /** A direction has ended, of which not all may be looked at yet. */
  private isEnding = false;
  /** Raw for good: nothing is framed any more. */
  private rest: Rest | null = null;

  constructor({ journal, conn, profile, client, upstream, of, now, tap, secure }: ObserverOptions) {
    const time = now();
    this.log = new FrameLog(journal, conn, tap, this.verdict, time);
    this.secure = secure;
    this.now = now;
    this.verdict.at(time, journal.next);
    const protocol = profile?.name ?? 'auto';
    this.log.tell({ type: 'open', client, upstream, protocol, ...(of !== undefined && { of }) });
    if (profile) this.interpreter.begin(profile);
    else this.detector = new Detector(upstream);
  }

  /** Takes what has been passed on. The chunk must not be changed afterwards. */
  feed(from: SideName, chunk: Buffer): void {
    this.log.time = this.now();
    this.guarded(() => this.take(from, chunk));
  }

  /** A direction has ended in order. */
  finish(from: SideName): void {
    this.log.time = this.now();
    this.guarded(() => {
      if (this.detector) this.choose(this.detector.guess());
      this[from].finish();
    });
    this.tellEnds();
  }

  /** The connection is gone. */
  close(end: { readonly bytesUp: number; readonly bytesDown: number; readonly error: string }): void {
    this.log.time = this.now();
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
    this.log.tell({ type: 'close', bytesUp, bytesDown, error });
  }

  /** A remark of whoever feeds it. */
  note(text: string): void {
    this.log.time = this.now();
    this.log.note('server', text);
  }

  /** Said in the clear where TLS should begin, and not passed on. Masked: it may be anything. */
  drop(from: SideName, bytes: Buffer): void {
    const { log } = this;
    const direction = this[from];
    log.note(from, `${bytes.length} bytes of plaintext came where TLS should begin: they go nowhere`);
    log.tap?.plaintext?.(from, bytes.length, direction.offset);
    log.recordDropped(direction, bytes);
  }

  // What a tap calls.

  /** Null: not found out yet. */
  get protocol(): string | null {
    return this.interpreter.profile?.name ?? null;
  }

  /** Finds out now, by what there is. */
  decide(): void {
    this.guarded(() => {
      if (this.detector) this.choose(this.detector.guess());
    });
  }

  /** Whether lines without an end may be prompts, and this direction is in one. */
  isPrompting(from: SideName): boolean {
    return this.interpreter.prompts && this[from].inLine;
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
    this.describe(direction, start, hasCr ? end - 1 : end);
    if (direction.isRest) {
      // The profile has seen the beginning of this line and decided.
      if (direction.hidesRest) verdict.hide(start, end);
    } else {
      verdict.at(this.log.time, this.log.journal.next);
      this.interpreter.consult(direction.name, bytes, start, hasCr ? end - 1 : end, state);
      direction.hidesRest = verdict.hiddenTo > verdict.hiddenFrom;
    }
    if (state === 'truncated') verdict.flags |= MORE | TRUNCATED;
    if (state === 'open') verdict.flags |= OPEN;
    this.log.write(direction, bytes, start, end, state === 'whole' && !mode.piecewise ? terminatorNumber : 0);
    this.afterFrame(direction);
  }

  piece(direction: Direction, chunk: Buffer, start: number, end: number): void {
    this.describe(direction, start, end);
    this.verdict.flags |= MORE;
    this.log.write(direction, chunk, start, end, 0);
    this.interpreter.piece(direction.name, chunk, start, end);
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
    if (this.interpreter.prompts) (direction === this.client ? this.server : this.client).cutHere();
    this.frameLines(direction, chunk);
    if (direction.held > MAX_HELD) this.becomeRaw(direction, 'too much was said before the answer', 'broken');
  }

  /** Lines that the profile has nothing to say about are written down together. */
  private frameLines(direction: Direction, chunk: Buffer): void {
    const { interpreter, log } = this;
    const isTold = log.tap !== undefined && log.tap.isAsleep !== true;
    if (isTold || !direction.isPlain || !interpreter.skims(direction.name)) return direction.feed(chunk);
    if (direction.inLine) {
      // What the network has cut is put together first.
      const head = chunk.indexOf(LF) + 1;
      direction.feed(head === 0 ? chunk : chunk.subarray(0, head));
      if (head > 0 && head < chunk.length) this.take(direction.name, chunk.subarray(head));
      return;
    }
    if (chunk.includes(HANDSHAKE)) return direction.feed(chunk);
    const end = log.writeLines(direction, chunk, MAX_LINE);
    if (end < chunk.length) direction.feed(end === 0 ? chunk : chunk.subarray(end));
  }

  /** The protocol is known, or not yet. What was kept meanwhile is looked at now. */
  private choose(found: Found | null): void {
    if (found === null) return;
    this.detector = null;
    const { because: from, profile } = found;
    this.log.tell({ type: 'protocol', from, protocol: profile.name });
    this.interpreter.begin(profile);
    for (const { from, chunk } of found.kept) this.take(from, chunk);
  }

  private describe(direction: Direction, start: number, end: number): void {
    const { kind, terminator } = direction.mode;
    this.log.describe(direction, kind, start, end, this.rest === null && typeof terminator === 'number');
  }

  private afterFrame({ name }: Direction): void {
    const { verdict } = this;
    if (verdict.remark !== '') this.log.note(name, verdict.remark);
    verdict.remark = '';
    if (verdict.turn?.rest === 'tls' && this.secure)
      return this.becomeSecure(this[name], verdict.turn.why, this.secure);
    if (verdict.turn) return this.becomeRaw(this[name], verdict.turn.why, verdict.turn.rest);
    this.client.settle();
    this.server.settle();
    this.log.tap?.between?.();
    if (this.isEnding) this.tellEnds();
  }

  /** The same conversation goes on inside TLS, once. What was said behind the agreement in the clear does not. */
  private becomeSecure({ name }: Direction, why: string, secure: (early: Buffer) => void): void {
    this.secure = undefined;
    this.verdict.turn = null;
    this.log.note(name, `${why}: inside TLS from here on`);
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
    this.log.note(name, `${why}: raw from here on`);
    if (rest === 'broken') this.log.tap?.broken?.(name, why, this[name].offset);
    for (const direction of [this.client, this.server]) {
      const bytes = direction.stop();
      // Said in the clear before TLS was agreed upon: RFC 3207 5, CVE-2011-0411.
      if (rest === 'tls' && bytes.length > 0 && !isHello(bytes[0]!)) {
        const size = bytes.reduce((sum, { length }) => sum + length, 0);
        this.log.note(direction.name, `${size} bytes of plaintext came before TLS was agreed upon`);
      }
      for (const one of bytes) this.writeRaw(direction, one, rest === 'broken');
    }
  }

  private tellEnds(): void {
    this.isEnding = true;
    for (const direction of [this.client, this.server]) {
      if (!direction.takeEnd()) continue;
      this.log.tell({ type: 'end', from: direction.name });
      this.log.tap?.ended(direction.name);
    }
  }

  private writeRaw(direction: Direction, bytes: Buffer, isHidden: boolean): void {
    this.log.writeRaw(direction, bytes, this.rest === 'tls' ? 'tls' : 'raw', isHidden);
  }
}

/** The first byte of a handshake's record (RFC 8446 5.1). */
function isHello(bytes: Buffer): boolean {
  return bytes[0] === 0x16;
}
