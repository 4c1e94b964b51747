// Deadlines of a connection on an injected clock. A deadline that is put off with every byte must cost next to nothing:
// touching one only notes the time, and its timer looks at that note when it fires.
import type { Clock, TimerHandle } from './clock.ts';

export type TimeoutKind = 'idle' | 'frame' | 'write' | 'close';

export interface Timeouts {
  /** No byte came or went for so long, while no handler, producer or handshake was at work. Default: none. */
  idle?: number;
  /** From the first byte of a frame to its end, while we read it: the answer to one byte a second. Default: none. */
  frame?: number;
  /** Output waits and the peer takes nothing. Default: none. */
  write?: number;
  /** From the end of our stream to the end of the connection. Default: 5000. */
  close?: number;
}

/** One deadline: off, or running since a moment. */
export class Deadline {
  private readonly clock: Clock;
  private readonly expired: () => void;
  private ms: number;
  /** Timers are set for no longer than this, so that a change back to it needs none to be set anew. */
  private shortest: number;
  private since = 0;
  private life: 'off' | 'running' | 'cancelled' = 'off';
  private timer: TimerHandle | null = null;

  constructor(clock: Clock, ms: number, expired: () => void) {
    this.clock = clock;
    this.ms = ms;
    this.shortest = ms;
    this.expired = expired;
  }

  get running(): boolean {
    return this.life === 'running';
  }

  /** Starts it, or starts it anew. */
  touch(): void {
    if (this.life === 'cancelled') return;
    this.since = this.clock.steady();
    this.life = 'running';
    this.timer ??= this.clock.setTimeout(this.fire, this.shortest);
  }

  /** Another length, counted from the last touch. One below all that it had so far may be noticed late, once. */
  change(ms: number): void {
    this.ms = ms;
    if (ms < this.shortest) this.shortest = ms;
  }

  /** Switches it off; a timer that is set stays, for the next touch(). */
  rest(): void {
    if (this.life === 'running') this.life = 'off';
  }

  /** Switches it off for good: whoever still touches it comes too late. */
  cancel(): void {
    this.life = 'cancelled';
    if (this.timer !== null) this.clock.clearTimeout(this.timer);
    this.timer = null;
  }

  private readonly fire = (): void => {
    this.timer = null;
    if (this.life !== 'running') return;
    const left = this.since + this.ms - this.clock.steady();
    if (left > 0) {
      this.timer = this.clock.setTimeout(this.fire, Math.min(left, this.shortest));
      return;
    }
    this.life = 'off';
    this.expired();
  };
}
