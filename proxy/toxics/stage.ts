// One toxic on one direction of one connection: a queue, and the effect that says when its head may go on to the next
// stage. The first and the last stage of a chain have no toxic: see chain.ts.
import type { Chunk, Effect, End } from './effect.ts';

/** What a queued chunk costs besides its bytes, so that a flood of tiny ones is bounded as well. */
const CHUNK_COST = 128;

/** Where a stage hands on to: the next stage, or the way out. */
export interface Sink {
  readonly hasRoom: boolean;
  accept(chunk: Chunk): void;
  finish(how: End): void;
}

export class Stage implements Sink {
  /** Null lets everything pass: no toxic, or one that leaves this connection alone. */
  private effect: Effect | null = null;
  /** When to run again if nothing else happens. */
  wakesAt = Number.POSITIVE_INFINITY;
  private readonly capacity: number;
  private queue: Chunk[] = [];
  /** Position of the first chunk: shifting a long array with each chunk would be quadratic. */
  private first = 0;
  private cost = 0;
  private hasBegun = false;
  /** How its input ended, if it has. */
  private end: End | null = null;
  private isDone = false;

  /** `capacity`: cost of what may wait here; with 0 one chunk. */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get hasRoom(): boolean {
    return this.cost === 0 || this.cost < this.capacity || this.end !== null;
  }

  get isEmpty(): boolean {
    return this.cost === 0;
  }

  get isActive(): boolean {
    return this.effect !== null;
  }

  get hasEnded(): boolean {
    return this.end !== null;
  }

  setEffect(effect: Effect | null): void {
    this.effect = effect;
    this.hasBegun = false;
  }

  get closesOnRemoval(): boolean {
    return this.effect?.closesOnRemoval ?? false;
  }

  /** What comes behind the end is dropped: the connection is closed for it. */
  accept(chunk: Chunk): void {
    if (this.end !== null) return;
    this.queue.push(chunk);
    this.cost += chunk.bytes.length + CHUNK_COST;
  }

  finish(how: End): void {
    this.end ??= how;
  }

  /** Moves on what may go; says whether anything has changed. */
  run(next: Sink, now: number): boolean {
    const { effect } = this;
    this.wakesAt = Number.POSITIVE_INFINITY;
    if (this.isDone) return false;
    let moved = false;
    for (;;) {
      const head = this.queue[this.first];
      if (effect !== null) {
        if (head !== undefined && !this.hasBegun) {
          this.hasBegun = true;
          effect.begin(head, now);
        }
        if (now >= effect.closesAt) {
          this.close(next, effect.closesWith);
          return true;
        }
      }
      if (head === undefined) break;
      if (effect?.swallows) {
        this.shift(head);
      } else {
        const length = effect === null ? head.bytes.length : effect.look(head, now);
        if (length === 0) {
          this.wakesAt = Math.min(effect!.wakesAt, effect!.closesAt);
          return moved;
        }
        if (!next.hasRoom) {
          this.wakesAt = effect?.closesAt ?? Number.POSITIVE_INFINITY;
          return moved;
        }
        this.pass(head, length, next, now);
      }
      moved = true;
    }
    if (this.end === null) this.wakesAt = effect?.closesAt ?? Number.POSITIVE_INFINITY;
    else if (effect === null || effect.mayEnd(now)) this.close(next, this.end);
    else if (now >= effect.closesAt) this.close(next, effect.closesWith);
    else this.wakesAt = Math.min(effect.wakesAt, effect.closesAt);
    return moved || this.isDone;
  }

  /** Its toxic is taken away: what waits here waits in the next stage from now on. */
  moveTo(next: Stage): void {
    for (let i = this.first; i < this.queue.length; i++) next.accept(this.queue[i]!);
    if (this.end !== null) next.finish(this.end);
    this.clear();
    this.isDone = true;
  }

  /** Ends what comes behind this stage; what waits here is lost. */
  close(next: Sink, how: End): void {
    this.isDone = true;
    this.end ??= how;
    this.clear();
    next.finish(how);
  }

  private pass(head: Chunk, length: number, next: Sink, now: number): void {
    const { effect } = this;
    const at = effect === null ? head.at : effect.stamp(head);
    const isLast = length >= head.bytes.length;
    if (isLast) {
      this.shift(head);
      next.accept(at === head.at ? head : { bytes: head.bytes, at });
    } else {
      this.queue[this.first] = { bytes: head.bytes.subarray(length), at: head.at };
      this.cost -= length;
      next.accept({ bytes: head.bytes.subarray(0, length), at });
    }
    effect?.passed(length, isLast, now);
  }

  private shift(head: Chunk): void {
    this.cost -= head.bytes.length + CHUNK_COST;
    this.hasBegun = false;
    this.first++;
    if (this.first === this.queue.length) {
      this.queue.length = 0;
      this.first = 0;
    } else if (this.first >= 1024) {
      this.queue.splice(0, this.first);
      this.first = 0;
    }
  }

  private clear(): void {
    this.queue = [];
    this.first = this.cost = 0;
  }
}
