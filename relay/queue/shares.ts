// Where several processes deliver from one store, the limits of an upstream hold for all of them together: how many mails
// at a time, and how many begin in a period. Each process holds a share, which it asks the store for while it has mail
// for the upstream, about once a second and not once a mail, and which it gives back when it has none.
import type { Clock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { Store } from '../store/store.ts';
import type { Rate } from '../upstream/upstream.ts';

/** While there is mail for it a share is asked for again after so long, and sooner when it does not suffice. */
const ASK_MS = 1_000;
const ASK_SOON_MS = 250;
const ASK_AT_ONCE_MS = 20;
/** A share that is not needed is kept for a little while: the next mail is likely to need it. */
const KEEP_MS = 5_000;

/** What of an upstream's limits this process may use. Times are those of Clock.steady(). */
export class LaneShare {
  /** Mails at a time. */
  slots = 0;
  /** Mails that may begin; meaningless without a rate. */
  starts = 0;
  /** Slots, and starts, are not to be used after. */
  slotsUntil = Number.NEGATIVE_INFINITY;
  startsUntil = Number.NEGATIVE_INFINITY;
  /** How many starts were given the last time. */
  given = 0;
  readonly isRated: boolean;
  private readonly clock: Clock;
  private readonly lacking: (ms: number) => void;

  constructor(clock: Clock, isRated: boolean, lacking: (ms: number) => void) {
    this.clock = clock;
    this.isRated = isRated;
    this.lacking = lacking;
  }

  /** Whether one more mail may begin when so many are under way; asks for more when not. */
  allows(running: number): boolean {
    const now = this.clock.steady();
    const hasSlot = running < this.slots && now < this.slotsUntil;
    const hasStart = !this.isRated || (this.starts > 0 && now < this.startsUntil);
    if (hasSlot && hasStart) return true;
    // Those that were given are used up: there may be more at once.
    this.lacking(hasSlot && this.given > 0 ? ASK_AT_ONCE_MS : ASK_SOON_MS);
    return false;
  }

  begin(): void {
    this.starts--;
  }
}

/** The part of a lane that matters here. */
export interface SharingLane {
  readonly name: string;
  readonly concurrency: number;
  readonly rate: Rate | null;
  readonly running: number;
  readonly waiting: { readonly length: number };
  share: LaneShare | null;
}

export interface SharesOptions {
  readonly store: Store;
  readonly owner: string;
  readonly lanes: readonly SharingLane[];
  readonly clock: Clock;
  readonly log: Log;
  /** A share has grown. */
  readonly grown: () => void;
}

interface Asking {
  readonly lane: SharingLane;
  readonly share: LaneShare;
  isUnderWay: boolean;
  timer: ReturnType<Clock['setTimeout']> | null;
  timerDue: number;
  /** When it last had mail. */
  usedAt: number;
}

export class Shares {
  private readonly options: SharesOptions;
  private readonly all: Asking[] = [];
  private isStopped = false;

  /** Does nothing on a store that has one process. */
  constructor(options: SharesOptions) {
    this.options = options;
    if (!options.store.share) return;
    for (const lane of options.lanes) {
      const share = new LaneShare(options.clock, lane.rate !== null, (ms) => this.askIn(asking, ms));
      const asking: Asking = { lane, share, isUnderWay: false, timer: null, timerDue: 0, usedAt: 0 };
      lane.share = share;
      this.all.push(asking);
    }
  }

  /** Gives everything back. Never rejects: what is not given back ends by itself. */
  async stop(): Promise<void> {
    this.isStopped = true;
    for (const { timer } of this.all) this.options.clock.clearTimeout(timer);
    await Promise.all(this.all.filter(({ share }) => share.slots > 0).map((asking) => this.exchange(asking, 0)));
  }

  private askIn(asking: Asking, ms: number): void {
    const { clock } = this.options;
    const due = clock.steady() + ms;
    if (this.isStopped || asking.isUnderWay || (asking.timer !== null && asking.timerDue <= due)) return;
    clock.clearTimeout(asking.timer);
    // The first mail after a while does not wait.
    const wait = asking.share.slots === 0 && clock.steady() - asking.usedAt > ASK_SOON_MS ? 0 : ms;
    asking.timerDue = clock.steady() + wait;
    asking.timer = clock.setTimeout(() => void this.ask(asking), wait);
  }

  private async ask(asking: Asking): Promise<void> {
    const { lane, share } = asking;
    const { clock, grown } = this.options;
    asking.timer = null;
    const needed = lane.running + lane.waiting.length;
    const now = clock.steady();
    if (needed > 0) asking.usedAt = now;
    const isIdle = now - asking.usedAt > KEEP_MS;
    const wanted = isIdle ? 0 : Math.min(lane.concurrency, Math.max(needed, 1));
    asking.isUnderWay = true;
    await this.exchange(asking, wanted);
    asking.isUnderWay = false;
    if (!isIdle || share.slots > 0) this.askIn(asking, ASK_MS);
    grown();
  }

  private async exchange({ lane, share }: Asking, wanted: number): Promise<void> {
    const { store, owner, clock, log } = this.options;
    const { name: upstream, concurrency, rate, running } = lane;
    const asked = clock.steady();
    const needsStarts = share.isRated && (share.starts <= 0 || asked >= share.startsUntil);
    const starts = needsStarts ? Math.min(lane.waiting.length, startsFor(lane, share)) : 0;
    try {
      const given = await store.share!({ upstream, owner, concurrency, wanted, running, rate, starts });
      share.slots = given.slots;
      share.slotsUntil = asked + given.slotsMs;
      if (starts === 0) return;
      share.starts = given.starts;
      share.given = given.starts;
      share.startsUntil = asked + given.startsMs;
    } catch (error) {
      log.warn('queue.share_failed', { upstream, error: (error as Error).message });
    }
  }
}

/** A start that is asked for and not used is lost to all: as many as can begin now, more where the last did not suffice. */
function startsFor({ concurrency, running }: SharingLane, { starts, given }: LaneShare): number {
  const used = given - Math.max(0, starts);
  return Math.max(1, concurrency - running, used === given ? given * 2 : used);
}
