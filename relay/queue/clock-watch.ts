// What becomes of the queue when somebody sets the clock. Due times and leases are times of day, since other processes
// and later ones have to understand them; so a clock that is set moves them all. Set back, mail would wait for the
// distance on top, a lease would bind the mail of a process that is long dead. Set ahead, the leases of processes that
// live would seem to be over, and their mail be sent twice. Neither is found out by waiting: so the queue looks, each
// time before it claims, how far the time of day has run away from the time that nobody sets. A process that slept is in
// the same place as one whose clock was set ahead: if it fell asleep in a commit, nobody else could prolong anything.
import type { Clock, TimerHandle } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { Store } from '../store/store.ts';
import { LEASE_MS, type Leases } from './leases.ts';

/** Less is the daily work of NTP, or of a process that was stopped between two questions. */
const NOTABLE_MS = 1_000;
/** Whoever lives has prolonged its leases by then. */
const REST_MS = LEASE_MS / 2;
/** How often it feels its own pulse; one that comes as late as that says that it slept. */
const BEAT_MS = LEASE_MS / 3;

export interface ClockWatchOptions {
  readonly store: Pick<Store, 'hasten'>;
  readonly leases: Pick<Leases, 'renew'>;
  /** Nothing that waits is due later than so many milliseconds from now. */
  readonly longestWait: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class ClockWatch {
  private readonly options: ClockWatchOptions;
  private ahead: number;
  /** At the start nobody knows what happened before. */
  private mayBeLate = true;
  private hasSlept = false;
  private beat: TimerHandle | null = null;
  private beatDue = 0;

  constructor(options: ClockWatchOptions) {
    this.options = options;
    this.ahead = this.distance();
    this.feel();
  }

  stop(): void {
    this.options.clock.clearTimeout(this.beat);
  }

  /** Puts right what a clock that was set has put wrong; tells for how many milliseconds nothing should be claimed. */
  async look(): Promise<number> {
    const { store, leases, longestWait, clock, log } = this.options;
    const before = this.ahead;
    this.ahead = this.distance();
    const jump = Math.round(this.ahead - before);
    if (Math.abs(jump) >= NOTABLE_MS) {
      log.warn('clock.set', { ms: jump });
      // Before others take them for over, and so that they are no longer than they should be.
      leases.renew();
      if (jump < 0) this.mayBeLate = true;
    }
    if (this.mayBeLate) {
      const hastened = await store.hasten(clock.now(), Math.max(longestWait, LEASE_MS), LEASE_MS);
      this.mayBeLate = false;
      if (hastened > 0) log.warn('queue.hastened', { recipients: hastened });
    }
    this.noticeSleep();
    const mustRest = jump >= NOTABLE_MS || this.hasSlept;
    this.hasSlept = false;
    return mustRest ? REST_MS : 0;
  }

  private feel(): void {
    const { clock } = this.options;
    this.beatDue = clock.steady() + BEAT_MS;
    this.beat = clock.setTimeout(() => {
      this.noticeSleep();
      this.feel();
    }, BEAT_MS);
  }

  /** Whoever wakes up has several timers that are overdue, and this one need not be the first. */
  private noticeSleep(): void {
    const now = this.options.clock.steady();
    if (now - this.beatDue < BEAT_MS) return;
    this.hasSlept = true;
    this.beatDue = now + BEAT_MS;
  }

  private distance(): number {
    return this.options.clock.now() - this.options.clock.steady();
  }
}
