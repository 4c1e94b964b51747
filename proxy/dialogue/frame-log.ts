// What an observer has seen of one connection goes from here into the journal, and to the tap: frames with what was found
// out about them, remarks, and what else happens.
import { KINDS, type Kind } from '../profiles/profile.ts';
import type { Direction } from './direction.ts';
import type { Happening, SideName } from './event.ts';
import { FROM_SERVER, type Journal, MORE, PART, TERMINATORS, wholeFrame } from './journal.ts';
import type { Tap } from './tap.ts';
import type { Verdict } from './verdict.ts';

export class FrameLog {
  readonly journal: Journal;
  readonly tap: Tap | undefined;
  /** When what is told now has happened. */
  time: number;
  private readonly conn: number;
  private readonly verdict: Verdict;
  /** The frame in hand was announced with its length. */
  private isCounted = false;

  constructor(journal: Journal, conn: number, tap: Tap | undefined, verdict: Verdict, time: number) {
    this.journal = journal;
    this.conn = conn;
    this.tap = tap;
    this.verdict = verdict;
    this.time = time;
  }

  tell(happening: Happening): void {
    this.journal.tell(this.conn, this.time, happening);
  }

  note(from: SideName, text: string): void {
    this.tell({ type: 'note', from, text });
  }

  /** The frame in hand: bytes [start, end) of its chunk. Said before anybody is asked about it. */
  describe({ name }: Direction, kind: Kind, start: number, end: number, isCounted: boolean): void {
    this.isCounted = isCounted;
    this.verdict.begin(kind, name === 'server' ? FROM_SERVER : 0, start, end);
  }

  /** The frame in hand, as the verdict knows it now. `terminator`: a place in TERMINATORS. */
  write(direction: Direction, chunk: Buffer, start: number, end: number, terminator: number): void {
    const { tap } = this;
    const { offset } = direction;
    this.record(direction, chunk, start, end, terminator);
    if (tap && tap.isAsleep !== true) this.tellTap(tap, direction, wholeFrame(chunk, start, end, terminator), offset);
  }

  /** All of these bytes, of which nothing is known. `isHidden`: they may hold secrets. */
  writeRaw(direction: Direction, bytes: Buffer, kind: 'raw' | 'tls', isHidden: boolean): void {
    this.describe(direction, kind, 0, bytes.length, false);
    if (isHidden) this.verdict.hide();
    this.write(direction, bytes, 0, bytes.length, 0);
  }

  /** The same for bytes that go nowhere, of which the tap is not told. */
  recordDropped(direction: Direction, bytes: Buffer): void {
    this.describe(direction, 'raw', 0, bytes.length, false);
    this.verdict.hide();
    this.record(direction, bytes, 0, bytes.length, 0);
  }

  /** Lines of a chunk that are alike, as far as they are whole; answers how many bytes that was. */
  writeLines(direction: Direction, chunk: Buffer, most: number): number {
    const { conn, time } = this;
    this.describe(direction, direction.mode.kind, 0, 0, false);
    const { kind, flags } = this.verdict;
    const end = this.journal.lines(chunk, most, { conn, time, offset: direction.offset, kind, flags });
    direction.offset += end;
    return end;
  }

  private tellTap(tap: Tap, direction: Direction, bytes: Buffer, offset: number): void {
    const { verdict } = this;
    const { flags, asks, tag } = verdict;
    const remark = tap.framed(direction.name, KINDS[verdict.kind]!, bytes, {
      ...{ offset, asks, tag, more: (flags & MORE) !== 0, part: (flags & PART) !== 0, early: direction.isEarly },
      counted: this.isCounted,
    });
    if (remark?.note !== undefined) verdict.remark = remark.note;
    if (remark?.effects) this.journal.touch(remark.effects);
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
