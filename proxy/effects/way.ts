// What one direction still has to say, when effects make it wait: pieces in their order, each with the time from which it
// may go on and the rate at which it does. Nothing waits here without an effect. What is queued is bounded by pausing
// the side that says it.
import type { Clock, TimerHandle } from '../../src/clock.ts';

const HIGH_WATER_BYTES = 64 * 1024;
/** A throttled piece goes on in portions that last so long. */
const PORTION_MS = 50;

export interface WayEnd {
  pass(bytes: Buffer): void;
  /** Nothing more will come. */
  end(): void;
  /** More waits than should, or not any more. */
  pressure(isOver: boolean): void;
}

export interface Leaving {
  readonly delayMs?: number;
  /** Bytes a second. */
  readonly rate?: number;
  /** How long to wait behind each portion when it is in several. */
  readonly gapMs?: number;
}

interface Piece {
  bytes: Buffer;
  readonly due: number;
  readonly rate: number;
  readonly gapMs: number;
  /** What is done instead of passing bytes. */
  readonly act: (() => void) | null;
}

const NOTHING = Buffer.alloc(0);

export class Way {
  private readonly clock: Clock;
  private readonly to: WayEnd;
  private queue: Piece[] = [];
  private queued = 0;
  /** Not before this time: the portion before is still on its way. */
  private free = 0;
  private timer: TimerHandle | null = null;
  private isOver = false;
  private isBlocked = false;
  private life: 'open' | 'closed' = 'open';

  constructor(clock: Clock, to: WayEnd) {
    this.clock = clock;
    this.to = to;
  }

  /** Whether something waits. */
  get isBusy(): boolean {
    return this.queue.length > 0 || this.isBlocked;
  }

  push(bytes: Buffer, { delayMs = 0, rate = 0, gapMs = 0 }: Leaving = {}): void {
    if (bytes.length > 0) this.add(bytes, delayMs, rate, gapMs, null);
  }

  /** Behind everything that was pushed. */
  after(act: () => void): void {
    this.add(NOTHING, 0, 0, 0, act);
  }

  end(): void {
    this.after(() => this.to.end());
  }

  /** Nothing passes until open(). */
  block(): void {
    this.isBlocked = true;
  }

  open(): void {
    this.isBlocked = false;
    this.go();
  }

  /** What waits is forgotten. */
  close(): void {
    this.life = 'closed';
    this.queue = [];
    if (this.timer !== null) this.clock.clearTimeout(this.timer);
    this.timer = null;
  }

  private add(bytes: Buffer, delayMs: number, rate: number, gapMs: number, act: (() => void) | null): void {
    if (this.life === 'closed') return;
    const due = delayMs > 0 ? this.clock.steady() + delayMs : 0;
    this.queue.push({ bytes, due, rate, gapMs, act });
    this.queued += bytes.length;
    this.go();
  }

  private go(): void {
    if (this.timer !== null) return;
    while (this.queue.length > 0 && !this.isBlocked && this.life === 'open') {
      const piece = this.queue[0]!;
      const wait = Math.max(piece.due, this.free) - this.clock.steady();
      if (wait > 0) {
        this.timer = this.clock.setTimeout(() => {
          this.timer = null;
          this.go();
        }, wait);
        break;
      }
      this.send(piece);
    }
    this.measure();
  }

  private send(piece: Piece): void {
    if (piece.act) {
      this.queue.shift();
      return piece.act();
    }
    const { bytes, rate, gapMs } = piece;
    const portion = rate > 0 ? Math.max(1, Math.floor((rate * PORTION_MS) / 1000)) : bytes.length;
    const now = bytes.subarray(0, portion);
    if (now.length === bytes.length) this.queue.shift();
    else piece.bytes = bytes.subarray(portion);
    this.queued -= now.length;
    if (rate > 0) this.free = this.clock.steady() + (now.length * 1000) / rate;
    else if (gapMs > 0) this.free = this.clock.steady() + gapMs;
    this.to.pass(now);
  }

  private measure(): void {
    const isOver = this.isOver ? this.queued > HIGH_WATER_BYTES / 2 : this.queued > HIGH_WATER_BYTES;
    if (isOver === this.isOver) return;
    this.isOver = isOver;
    this.to.pressure(isOver);
  }
}
