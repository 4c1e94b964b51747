// Takes due mail out of the store and hands it to the upstreams, some at a time. All state is in the store: this can be
// killed at any moment, and what it had claimed is claimed again when the lease runs out. How much is claimed and when
// is decided here; where it goes in dispatcher.ts, what an upstream can take in lane.ts, what comes of it in settler.ts.
import { type Clock, realClock, type TimerHandle } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { DeliveryDesk } from '../smtp/session-context.ts';
import type { Claim, Lease, Settlement, Store } from '../store/store.ts';
import { ClockWatch } from './clock-watch.ts';
import { Dispatcher } from './dispatcher.ts';
import { Lane, type LaneOptions, type LaneView } from './lane.ts';
import { LEASE_MS, Leases } from './leases.ts';
import { NextLook } from './next-look.ts';
import { Notices } from './notice.ts';
import type { Parcel } from './parcel.ts';
import { PauseBoard } from './pause-board.ts';
import type { Routes } from './routes.ts';
import type { RetryPolicy } from './schedule.ts';
import { Settler, STORE_RETRY_MS } from './settler.ts';
import { Shares } from './shares.ts';

/** With nothing due that we know of, the store is asked so often: another process may have put something in. */
const LOOK_AGAIN_MS = 30_000;
/** How long a delivery that was broken off may take to note what became of its mail. */
const BROKEN_OFF_MS = 1_000;
/**
 * While no upstream is open, so many mails are looked at in a time: for those that need none, since they expire or an
 * operator bounces them, or since their route has changed. The others go back, which must not keep the store busy.
 */
const PAUSED_LOOK = { mails: 64, ms: 100 } as const;

export interface QueueOptions {
  readonly store: Store;
  readonly routes: Routes;
  /** In order of preference. */
  readonly upstreams: readonly LaneOptions[];
  readonly hostname: string;
  readonly retry: RetryPolicy;
  /** See NoticesOptions. */
  readonly notices: { readonly from: string; readonly returnSize: number; readonly perHour: number };
  readonly log: Log;
  readonly clock?: Clock;
  /** Called with each attempt's upstream and outcome, a recipient each. */
  readonly attempted?: (upstream: string, outcome: string) => void;
}

export class Queue implements DeliveryDesk {
  private readonly store: Store;
  private readonly log: Log;
  private readonly clock: Clock;
  private readonly owner = `${process.pid}-${Math.random().toString(36).slice(2, 10)}`;
  private readonly all: readonly Lane<Parcel>[];
  /** Each way that a relayed mail can go: lanes in their order. */
  private readonly ways: readonly (readonly Lane<Parcel>[])[];
  private readonly leases: Leases;
  private readonly settler: Settler;
  private readonly dispatcher: Dispatcher;
  private readonly board: PauseBoard;
  private readonly shares: Shares;
  private readonly watch: ClockWatch;
  private readonly unwatch: () => void;
  /** Mails that sessions are committing under a lease of ours. */
  private reserved = 0;
  /** There may be due mail in the store. */
  private backlog = true;
  private claiming = false;
  private again = false;
  private stopping: (() => void) | null = null;
  private stopped = false;
  private readonly nextLook: NextLook;
  /** The store is not asked before, by clock.steady(). */
  private resting = 0;

  constructor(options: QueueOptions) {
    const { store, routes, hostname, retry, log, clock = realClock } = options;
    this.store = store;
    this.log = log;
    this.clock = clock;
    this.all = options.upstreams.map((one) => new Lane<Parcel>(one));
    this.ways = routes.relays.map((names) =>
      names.flatMap((name) => this.all.find((lane) => lane.name === name) ?? []),
    );
    this.board = new PauseBoard({ store, owner: this.owner, lanes: this.all, log, clock });
    this.leases = new Leases(store, clock, log);
    this.nextLook = new NextLook(clock, () => this.lookForMore());
    this.watch = new ClockWatch({ store, leases: this.leases, longestWait: retry.max, clock, log });
    const notices = new Notices({ store, routes, hostname, expire: retry.expire, log, clock, ...options.notices });
    const due = (time: number): void => (time === 0 ? this.lookForMore() : this.lookAgainIn(time - clock.now()));
    this.settler = new Settler({ store, leases: this.leases, notices, log, clock, due });
    this.dispatcher = new Dispatcher({
      store,
      routes,
      lanes: this.all,
      leases: this.leases,
      settler: this.settler,
      retry,
      log,
      clock,
      attempted: options.attempted ?? (() => {}),
      changed: () => {
        this.board.look();
        this.changed();
      },
      lost: () => this.lookForMore(),
    });
    const grown = (): void => this.pump();
    this.shares = new Shares({ store, owner: this.owner, lanes: this.all, clock, log, grown });
    // Another process has put mail in, or changed what waits.
    this.unwatch = store.watch(() => void this.board.heed().then(() => this.lookForMore()));
  }

  /** How the upstreams do, in order of preference. */
  lanes(): LaneView[] {
    return this.all.map((lane) => lane.view());
  }

  /** Something may be due: after an accepted mail, at the start, when a timer says so. Cheap to call often. */
  wake(): void {
    if (this.stopped) return;
    if (this.claiming) {
      this.again = true;
      return;
    }
    const rest = this.resting - this.clock.steady();
    if (rest > 0) return this.lookAgainIn(rest);
    this.claiming = true;
    void this.claimDue();
  }

  /** The store holds mail that nobody has: it is claimed as soon as there is room. */
  lookForMore(): void {
    this.backlog = true;
    if (this.isHungry()) this.wake();
  }

  reserve(): Lease | null {
    if (this.stopped || this.room() <= 0) return null;
    this.reserved++;
    return { owner: this.owner, until: this.clock.now() + LEASE_MS };
  }

  use(lease: Lease, claim: Claim | null): void {
    this.reserved--;
    if (claim === null) return;
    this.take(claim, lease.until);
    if (this.stopped) void this.release();
    else this.pump();
  }

  /** Starts no further delivery; resolves when those under way are settled, or broken off at the limit. */
  async stop(limitMs: number): Promise<void> {
    this.stopped = true;
    this.settler.stop();
    this.dispatcher.stop();
    this.nextLook.cancel();
    for (const { courier } of this.all) courier.close();
    await this.idle(limitMs);
    for (const { courier } of this.all) courier.destroy();
    await this.idle(BROKEN_OFF_MS);
    this.leases.stop();
    this.watch.stop();
    this.unwatch();
    await this.release();
    await Promise.all([this.board.clear(), this.shares.stop()]);
  }

  /** Resolves when nothing is under way any more, or at the limit. */
  private async idle(limitMs: number): Promise<void> {
    if (this.isIdle()) return;
    let limit: TimerHandle = null;
    await new Promise<void>((resolve) => {
      this.stopping = resolve;
      limit = this.clock.setTimeout(resolve, limitMs);
    });
    this.clock.clearTimeout(limit);
  }

  /** Gives back what was claimed and not begun, so that the next process need not wait for the leases to run out. */
  private async release(): Promise<void> {
    const nextAttempt = this.clock.now();
    this.dispatcher.pump();
    const settlements = this.dispatcher.takeWaiting().flatMap(({ recipients }) =>
      recipients.map(({ recipientId, fence, state }): Settlement => {
        return { recipientId, fence, state, nextAttempt, attempt: null };
      }),
    );
    if (settlements.length > 0) await this.settler.giveBack(settlements);
  }

  private async claimDue(): Promise<void> {
    // What is settled while this looks may ask to be looked at sooner than what is found here.
    this.nextLook.cancel();
    let wait = LOOK_AGAIN_MS;
    try {
      const rest = await this.watch.look();
      if (rest > 0) this.resting = this.clock.steady() + rest;
      do {
        this.again = false;
        if (this.stopped || this.isToRest()) break;
        const limit = this.isPaused() ? PAUSED_LOOK.mails : this.room();
        if (limit <= 0) break;
        this.backlog = false;
        const asked = this.clock.now();
        const claims = await this.store.claim(this.owner, asked, LEASE_MS, limit);
        const before = this.dispatcher.putBacks;
        for (const claim of claims) this.take(claim, asked + LEASE_MS);
        this.pump();
        if (claims.length === limit) {
          this.backlog = true;
          // All of it went straight back, and more of the same may be waiting.
          if (this.dispatcher.putBacks - before >= limit) this.resting = this.clock.steady() + PAUSED_LOOK.ms;
        }
        // While something is under way the end of it looks again; the earliest time would be that of our own leases.
        if (this.backlog || !this.isResting()) continue;
        const due = await this.store.nextDue();
        if (due !== null) wait = Math.min(LOOK_AGAIN_MS, Math.max(0, due - this.clock.now()));
        // It came due while this was looking.
        if (wait === 0 && this.clock.now() > asked) this.again = true;
      } while (this.again && !this.stopped);
    } catch (error) {
      this.log.error('queue.store_failed', { error: (error as Error).message });
      wait = STORE_RETRY_MS;
    }
    this.claiming = false;
    this.checkStop();
    if (this.again || this.isToRest()) this.wake();
    else this.lookAgainIn(wait);
  }

  private take(claim: Claim, until: number): void {
    const taken = this.leases.take(claim, until);
    if (taken !== null) this.dispatcher.take(taken);
  }

  private pump(): void {
    this.dispatcher.pump();
    this.leases.keep();
  }

  private isToRest(): boolean {
    return this.clock.steady() < this.resting;
  }

  private lookAgainIn(ms: number): void {
    if (!this.stopped) this.nextLook.in(ms);
  }

  /** Something has ended. */
  private changed(): void {
    this.leases.keep();
    this.checkStop();
    if (this.isResting() || (this.backlog && this.isHungry())) this.wake();
  }

  /** How many mails can be claimed now: some more than can be sent, so that no connection waits for the next claim. */
  private room(): number {
    const now = this.clock.now();
    let room = -this.reserved;
    for (const lane of this.entrances(now)) room += lane.room(now);
    return room;
  }

  /** Whether a lane has few to go on with. */
  private isHungry(): boolean {
    const entrances = this.entrances(this.clock.now());
    if (entrances.length === 0) return true;
    for (const { waiting, concurrency } of entrances) if (waiting.length < concurrency) return true;
    return false;
  }

  /** For each way the lane that mail goes into now: the first that is not paused. */
  private entrances(now: number): readonly Lane<Parcel>[] {
    const open: Lane<Parcel>[] = [];
    for (const way of this.ways) {
      for (const lane of way) {
        const gate = lane.gate('', now);
        if (gate === 'paused' || gate === 'probing') continue;
        if (!open.includes(lane)) open.push(lane);
        break;
      }
    }
    return open;
  }

  private isPaused(): boolean {
    return this.entrances(this.clock.now()).length === 0;
  }

  private checkStop(): void {
    if (this.stopping && this.isIdle()) this.stopping();
  }

  private isIdle(): boolean {
    return this.running() === 0 && this.dispatcher.settling === 0 && !this.claiming;
  }

  /** Nothing is under way, nor about to be. */
  private isResting(): boolean {
    if (this.dispatcher.settling + this.reserved > 0) return false;
    for (const { running, waiting } of this.all) if (running + waiting.length > 0) return false;
    return true;
  }

  private running(): number {
    let running = 0;
    for (const lane of this.all) running += lane.running;
    return running;
  }
}
