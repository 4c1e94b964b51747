// One upstream's place in the queue: its courier, how many mails go there at a time and how fast, what waits for it, and
// its pauses. When the upstream fails and not the mail, mail is kept away from it for a while that doubles with each
// failure; then one mail goes ahead to see, and the others follow when it came through. Time is handed in: no timers.
import type { Courier, Unreachable } from '../upstream/courier.ts';
import type { Rate } from '../upstream/upstream.ts';
import { RateWindow } from './rate-window.ts';
import { retryDelay } from './schedule.ts';
import type { LaneShare } from './shares.ts';

export interface LaneOptions {
  readonly courier: Courier;
  /** Mails under way at a time. */
  readonly concurrency: number;
  readonly rate: Rate | null;
  /** The first pause and the longest one, in milliseconds. */
  readonly pause: { readonly min: number; readonly max: number };
}

/** How an upstream does, for metrics and for people. */
export interface LaneView {
  readonly name: string;
  readonly state: 'open' | 'paused';
  /** The end of the pause. */
  readonly until: number | null;
  /** What the last failure said; '' when all is well. */
  readonly why: string;
  /** The failure is of a kind that somebody has to see to: password, certificate, set-up. */
  readonly alarm: boolean;
  /** Mails under way. */
  readonly running: number;
}

/** What waits in a lane. `scope` is what a failure speaks of: the whole upstream (''), or one domain of it. */
export interface LaneJob {
  readonly scope: string;
}

/**
 * `open`: goes at its turn; `probe`: the pause is over and this one may go ahead; `probing`: one has gone ahead; `paused`.
 */
export type Gate = 'open' | 'probe' | 'probing' | 'paused';

/** Given by begin() and handed back at the end: a failure that began before the last one says nothing new. */
export type Start = number;

interface Pause {
  until: number;
  failures: number;
  why: string;
  alarm: boolean;
  /** Someone was let through to see. */
  probing: boolean;
  /** Failures of deliveries that began earlier do not prolong it. */
  since: Start;
}

/** Domains that are paused at a time; beyond it the one that was paused longest ago is forgotten. */
const MAX_PAUSES = 10_000;

export class Lane<Job extends LaneJob = LaneJob> {
  readonly name: string;
  readonly courier: Courier;
  readonly concurrency: number;
  readonly waiting: Job[] = [];
  running = 0;
  readonly rate: Rate | null;
  /** What this process may use of the limits; null where it is alone. */
  share: LaneShare | null = null;
  private readonly window: RateWindow | null;
  private readonly limits: LaneOptions['pause'];
  private readonly pauses = new Map<string, Pause>();
  private starts: Start = 0;

  constructor({ courier, concurrency, rate, pause }: LaneOptions) {
    this.name = courier.name;
    this.courier = courier;
    this.concurrency = concurrency;
    this.rate = rate;
    this.window = rate && new RateWindow(rate);
    this.limits = pause;
  }

  gate(scope: string, now: number): Gate {
    // Nearly always there are none.
    if (this.pauses.size === 0) return 'open';
    const pause = this.pauses.get(scope);
    if (pause === undefined) return 'open';
    if (pause.probing) return 'probing';
    return now < this.endOf(pause, now) ? 'paused' : 'probe';
  }

  /** Room for mail that is claimed now, with some to wait so that no connection waits for the next claim. */
  room(now: number): number {
    switch (this.gate('', now)) {
      case 'open':
        return this.concurrency * 4 - this.running - this.waiting.length;
      case 'probe':
        return this.waiting.length === 0 ? 1 : 0;
      case 'probing':
      case 'paused':
        return 0;
    }
  }

  /** Whether one more may wait here. What has more than one way may come in numbers that room() did not foresee. */
  hasRoom(): boolean {
    return this.waiting.length < this.concurrency * 8;
  }

  /** Takes out what waits for that which could not be reached. */
  leave(scope: string): Job[] {
    const gone = this.waiting.filter((job) => job.scope === scope);
    if (gone.length > 0)
      this.waiting.splice(0, this.waiting.length, ...this.waiting.filter((job) => job.scope !== scope));
    return gone;
  }

  /** When a pause ends; `now` where none is, or a probe may tell at any moment. */
  pausedUntil(scope: string, now: number): number {
    const pause = this.pauses.get(scope);
    return pause === undefined ? now : Math.max(this.endOf(pause, now), now);
  }

  /** When the clock was set back, no pause lasts a day for it. */
  private endOf({ until }: Pause, now: number): number {
    return until - now > this.limits.max ? now : until;
  }

  /** What the last failure said. */
  why(scope: string): string {
    return this.pauses.get(scope)?.why ?? '';
  }

  /** Milliseconds until one more may begin by the rate; 0 for now. */
  rateWait(now: number): number {
    return this.window === null ? 0 : this.window.wait(now);
  }

  /** Whether one more may begin now, rate and pauses apart. */
  hasSlot(): boolean {
    return this.running < this.concurrency && (this.share === null || this.share.allows(this.running));
  }

  begin(scope: string, now: number): Start {
    this.running++;
    this.share?.begin();
    this.window?.note(now);
    if (this.pauses.size > 0) {
      const pause = this.pauses.get(scope);
      if (pause) pause.probing = true;
    }
    return ++this.starts;
  }

  /** It came through: whatever was wrong is over. True when that ends a pause. */
  succeeded(scope: string): boolean {
    this.running--;
    return this.pauses.size > 0 && this.pauses.delete(scope);
  }

  /** It ended for reasons of our own, or nobody knows how: that says nothing of the upstream. */
  ended(scope: string, start: Start): void {
    this.running--;
    const pause = this.pauses.get(scope);
    if (pause && start > pause.since) pause.probing = false;
  }

  /** The upstream could not be reached: a pause begins, or a longer one. */
  failed(scope: string, start: Start, error: Unreachable, now: number): void {
    this.running--;
    const before = this.pauses.get(scope);
    if (before && start <= before.since) return;
    const failures = (before?.failures ?? 0) + 1;
    this.pauses.delete(scope);
    if (this.pauses.size >= MAX_PAUSES) this.pauses.delete(this.pauses.keys().next().value!);
    this.pauses.set(scope, {
      until: now + retryDelay(this.limits, failures),
      failures,
      why: error.message,
      alarm: error.blame === 'route',
      probing: false,
      since: this.starts,
    });
  }

  /** Pauses end now: the next mail goes ahead to see. */
  hurry(now: number): void {
    for (const pause of this.pauses.values()) pause.until = Math.min(pause.until, now);
  }

  view(): LaneView {
    const { name, running } = this;
    const whole = this.pauses.get('');
    if (whole) return { name, state: 'paused', until: whole.until, why: whole.why, alarm: whole.alarm, running };
    // Single domains that cannot be reached do not pause an upstream that is the whole world.
    const alarming = [...this.pauses].find(([, { alarm }]) => alarm);
    const why = alarming ? `${alarming[0]}: ${alarming[1].why}` : '';
    return { name, state: 'open', until: null, why, alarm: alarming !== undefined, running };
  }
}
