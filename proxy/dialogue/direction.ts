// One direction of a connection that is looked at: the framer in the mode that the profile has set, and the frame in
// hand as a place in a chunk. Nothing is copied but lines that the network has cut. Whose frames they are and what
// they mean is said by observer.ts.
import type { FrameInfo, FrameSink } from '../../src/frame.ts';
import { Framer } from '../../src/framer.ts';
import { CRLF, LF, type Mode, type Side } from '../profiles/profile.ts';
import type { SideName } from './event.ts';

/** Longer lines are shown in parts, of which the profile sees the first. */
export const MAX_LINE = 65_536;
const EMPTY: Buffer = Buffer.alloc(0);
export const HANDSHAKE = 0x16;
const NOTHING: Mode = { kind: 'raw', terminator: null, piecewise: true };

export interface DirectionOwner {
  /** The frame in hand is complete, or cut, or the stream has ended in it. */
  framed(direction: Direction, state: 'whole' | 'truncated' | 'open'): void;
  /** A piece of a frame that has no bound. */
  piece(direction: Direction, chunk: Buffer, start: number, end: number): void;
  /** What came is no line but the beginning of TLS. */
  hello(): void;
}

export class Direction implements Side, FrameSink {
  readonly name: SideName;
  mode = NOTHING;
  /** Bytes that are in the journal. */
  offset = 0;
  /** The frame in hand, without its terminator. */
  bytes = EMPTY;
  start = 0;
  end = 0;
  /** Which terminator the mode's frames have, as the journal counts them. */
  terminatorNumber = 0;
  /** The frame in hand is the rest of a line that was too long, and whether that line was secret to its end. */
  isRest = false;
  hidesRest = false;
  /** Bytes that came while nothing was looked at. */
  held = 0;
  /** The frame in hand came before the word that it should have waited for. */
  isEarly = false;
  /** Bytes that have come. */
  private fed = 0;
  private readonly owner: DirectionOwner;
  private readonly framer: Framer;
  private has = false;
  private inPieces = false;
  private isCut = false;
  /** What the profile has said in the middle of a line: it holds from its end. */
  private afterCut: { mode: Mode | null; hold: boolean } = { mode: null, hold: false };
  private life: 'open' | 'ending' | 'ended' = 'open';
  private toRelease = false;

  constructor(name: SideName, owner: DirectionOwner) {
    this.name = name;
    this.owner = owner;
    this.framer = new Framer(this, { overlong: 'deliver' });
  }

  next(mode: Mode): void {
    if (mode === this.mode) return;
    if (this.isCut) {
      this.afterCut.mode = mode;
      return;
    }
    this.mode = mode;
    this.terminatorNumber = mode.terminator === CRLF ? 1 : mode.terminator === LF ? 2 : 0;
    const { precededBy, piecewise } = mode;
    if (precededBy) this.framer.setTerminator(mode.terminator, { keep: true, precededBy });
    else if (piecewise || typeof mode.terminator === 'number') this.framer.setTerminator(mode.terminator);
    else this.framer.setTerminator(mode.terminator, { maxFrame: MAX_LINE });
  }

  hold(): void {
    this.toRelease = false;
    if (this.isCut) this.afterCut.hold = true;
    else this.framer.pause();
  }

  /** Takes effect in settle(): the frame that says so comes first. */
  release(): void {
    this.toRelease = true;
  }

  feed(chunk: Buffer): void {
    this.fed += chunk.length;
    if (this.framer.paused) this.held += chunk.length;
    void this.framer.feed(chunk);
  }

  /** What came and was not looked at; it never will be. */
  takeRest(): Buffer {
    this.held = 0;
    const rest = this.framer.takeUnparsed();
    this.fed -= rest.length;
    return rest;
  }

  /** Says something in its place, behind the frame in hand and before what came behind that. */
  insert(bytes: Buffer): void {
    const rest = this.framer.takeUnparsed();
    this.fed += bytes.length;
    void this.framer.feed(bytes);
    void this.framer.feed(rest);
  }

  settle(): void {
    if (!this.toRelease) return;
    this.toRelease = this.afterCut.hold = false;
    this.isEarly = this.fed > this.offset;
    this.held = 0;
    this.framer.resume();
    this.isEarly = false;
  }

  /** Whether lines up to LF may be written down together: none is too long, and nothing waits. */
  get isPlain(): boolean {
    return this.mode.terminator === LF && !this.isRest && !this.framer.paused && this.life === 'open';
  }

  /** Whether the frame in hand has begun and not ended: a prompt, if nothing more comes. */
  get inLine(): boolean {
    return this.has;
  }

  /** The frame in hand is taken as it is. */
  cutHere(): void {
    if (this.has) this.finishFrame('open');
  }

  /** No more bytes will come. */
  finish(): void {
    if (this.life === 'open') this.life = 'ending';
    void this.framer.end();
  }

  /** True once, when everything up to the end of the stream was looked at. */
  takeEnd(): boolean {
    if (this.life !== 'ending' || !(this.framer.ended || this.framer.stopped)) return false;
    this.abandon();
    return true;
  }

  /** What is in hand will not be completed. */
  abandon(): void {
    this.life = 'ended';
    this.cutHere();
    if (this.inPieces && this.mode.kind !== 'raw') this.endPieces('open');
  }

  /** Stops looking, and gives back what was not shown yet: at most the line in hand, and what came behind it. */
  stop(): Buffer[] {
    const rest = this.framer.takeUnparsed();
    this.framer.stop();
    const line = this.has ? this.bytes.subarray(this.start, this.end) : EMPTY;
    this.has = this.inPieces = false;
    return [line, rest].filter((one) => one.length > 0);
  }

  slice(chunk: Buffer, start: number, end: number): void {
    if (this.mode.piecewise) {
      this.inPieces = true;
      this.owner.piece(this, chunk, start, end);
    } else if (!this.has) {
      this.has = true;
      this.bytes = chunk;
      this.start = start;
      this.end = end;
      if (chunk[start] === HANDSHAKE) this.lookForHello();
    } else {
      const isFirst = this.end - this.start === 1;
      this.bytes = Buffer.concat([this.bytes.subarray(this.start, this.end), chunk.subarray(start, end)]);
      this.start = 0;
      this.end = this.bytes.length;
      if (isFirst && this.bytes[0] === HANDSHAKE) this.lookForHello();
    }
  }

  terminator({ truncated }: FrameInfo): void {
    if (this.mode.piecewise) this.endPieces('whole');
    else this.finishFrame(truncated ? 'truncated' : 'whole');
  }

  private finishFrame(state: 'whole' | 'truncated' | 'open'): void {
    if (!this.has) {
      this.bytes = EMPTY;
      this.start = this.end = 0;
    }
    this.has = false;
    this.isCut = state === 'truncated';
    this.owner.framed(this, state);
    this.isRest = state === 'truncated';
    if (this.isCut) return;
    const { mode, hold } = this.afterCut;
    this.afterCut.mode = null;
    this.afterCut.hold = false;
    if (mode) this.next(mode);
    if (hold) this.hold();
  }

  private endPieces(state: 'whole' | 'open'): void {
    this.inPieces = false;
    this.bytes = EMPTY;
    this.start = this.end = 0;
    this.owner.framed(this, state);
  }

  private lookForHello(): void {
    if (this.end - this.start > 1 && this.bytes[this.start + 1] === 0x03 && this.name === 'client') this.owner.hello();
  }
}
