// Takes due mail out of the store and hands it to the upstreams, some at a time. All state is in the store: this can be
// killed at any moment, and what it had claimed is claimed again when the lease runs out.
import { type Clock, realClock, type TimerHandle } from '../src/clock.ts';
import type { Log } from '../src/log.ts';
import { type Content, type Delivery, Forwarder, Unreachable } from './forward.ts';
import { attemptOf, type Outcome, ROUTE_ERRORS } from './outcome.ts';
import { type RetryPolicy, retryDelay } from './schedule.ts';
import type { DeliveryDesk } from './session.ts';
import type { Claim, ClaimedRecipient, Lease, Settlement, Store } from './store/store.ts';
import type { Upstream } from './upstream.ts';

/** A delivery that is still running prolongs its lease; one whose process died is taken over after this time. */
const LEASE_MS = 15_000;
/** With nothing due that we know of, the store is asked so often: another process may have put something in. */
const LOOK_AGAIN_MS = 30_000;
/** How long the store is left alone after it failed. */
const STORE_RETRY_MS = 1_000;
/** How long a delivery that was broken off may take to note what became of its mail. */
const BROKEN_OFF_MS = 1_000;

export interface QueueOptions {
  readonly store: Store;
  /** In order of preference. */
  readonly upstreams: readonly Upstream[];
  readonly hostname: string;
  /** Mails under way at a time. */
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  readonly log: Log;
  readonly clock?: Clock;
}

/** A lease of ours, as far as we know. */
interface Held {
  readonly fence: number;
  /** Until then nobody else may take it. */
  until: number;
}

export class Queue implements DeliveryDesk {
  private readonly options: QueueOptions;
  private readonly clock: Clock;
  private readonly forwarders: readonly Forwarder[];
  private readonly owner = `${process.pid}-${Math.random().toString(36).slice(2, 10)}`;
  private readonly ready: Claim[] = [];
  private readonly leased = new Map<number, Held>();
  /** Mails being sent, and mails whose results are being committed. */
  private running = 0;
  private settling = 0;
  /** Mails that sessions are committing under a lease of ours. */
  private reserved = 0;
  /** There may be due mail in the store. */
  private backlog = true;
  private claiming = false;
  private again = false;
  private stopping: (() => void) | null = null;
  private stopped = false;
  private timer: TimerHandle | null = null;
  private timerDue = Number.POSITIVE_INFINITY;
  private renewal: TimerHandle | null = null;

  constructor(options: QueueOptions) {
    this.options = options;
    this.clock = options.clock ?? realClock;
    const { hostname, log } = options;
    this.forwarders = options.upstreams.map((upstream) => new Forwarder(upstream, hostname, log));
  }

  /** Something may be due: after an accepted mail, at the start, when a timer says so. Cheap to call often. */
  wake(): void {
    if (this.stopped) return;
    if (this.claiming) {
      this.again = true;
      return;
    }
    this.claiming = true;
    void this.claimDue();
  }

  /** The store holds mail that nobody has: it is claimed as soon as there is room. */
  lookForMore(): void {
    this.backlog = true;
    if (this.ready.length < this.options.concurrency) this.wake();
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

  /** Some more than can be sent now, so that no connection waits for the next claim. */
  private room(): number {
    return this.options.concurrency * 4 - this.ready.length - this.running - this.reserved;
  }

  /** Starts no further delivery; resolves when those under way are settled, or broken off at the limit. */
  async stop(limitMs: number): Promise<void> {
    this.stopped = true;
    this.clock.clearTimeout(this.timer);
    for (const forwarder of this.forwarders) forwarder.close();
    await this.idle(limitMs);
    for (const forwarder of this.forwarders) forwarder.destroy();
    await this.idle(BROKEN_OFF_MS);
    this.clock.clearTimeout(this.renewal);
    await this.release();
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
    const results = this.ready.splice(0).flatMap((claim) =>
      claim.recipients.map(
        (one): Settlement => ({
          recipientId: one.recipientId,
          fence: this.leased.get(one.recipientId)?.fence ?? one.fence,
          state: one.state,
          nextAttempt: this.clock.now(),
          attempt: null,
        }),
      ),
    );
    if (results.length === 0) return;
    await this.options.store.settle(results).catch((error) => {
      this.options.log.error('queue.release_failed', { error: (error as Error).message });
    });
  }

  private async claimDue(): Promise<void> {
    const { store, log } = this.options;
    // What is settled while this looks may ask to be looked at sooner than what is found here.
    this.clock.clearTimeout(this.timer);
    this.timerDue = Number.POSITIVE_INFINITY;
    let wait = LOOK_AGAIN_MS;
    try {
      do {
        this.again = false;
        const limit = this.room();
        if (limit <= 0) break;
        this.backlog = false;
        const asked = this.clock.now();
        const claims = await store.claim(this.owner, asked, LEASE_MS, limit);
        for (const claim of claims) this.take(claim, asked + LEASE_MS);
        this.pump();
        if (claims.length === limit) this.backlog = true;
        // While something is under way the end of it looks again; the earliest time would be that of our own leases.
        if (this.backlog || !this.isResting()) continue;
        const due = await store.nextDue();
        if (due !== null) wait = Math.min(LOOK_AGAIN_MS, Math.max(0, due - this.clock.now()));
        // It came due while this was looking.
        if (wait === 0 && this.clock.now() > asked) this.again = true;
      } while (this.again && !this.stopped);
    } catch (error) {
      log.error('queue.store_failed', { error: (error as Error).message });
      wait = STORE_RETRY_MS;
    }
    this.claiming = false;
    this.checkStop();
    if (this.again) this.wake();
    else this.lookAgainBy(this.clock.now() + wait);
  }

  private take(claim: Claim, until: number): void {
    // What is under way here and had its lease run out (we slept, or the store did) is not sent once more.
    const recipients = claim.recipients.filter((one) => !this.leased.has(one.recipientId));
    for (const { recipientId, fence } of claim.recipients) {
      const held = this.leased.get(recipientId);
      if (held === undefined || held.fence < fence) this.leased.set(recipientId, { fence, until });
    }
    if (recipients.length > 0) this.ready.push({ ...claim, recipients });
  }

  private lookAgainBy(time: number): void {
    if (this.stopped || time >= this.timerDue) return;
    this.clock.clearTimeout(this.timer);
    this.timerDue = time;
    this.timer = this.clock.setTimeout(() => this.lookForMore(), Math.max(0, time - this.clock.now()));
  }

  private pump(): void {
    const { concurrency } = this.options;
    while (this.running < concurrency && this.settling < 8 * concurrency && this.ready.length > 0 && !this.stopped) {
      const claim = this.ready.shift()!;
      if (this.isOurs(claim)) {
        this.running++;
        void this.deliver(claim);
      } else this.letGo(claim);
    }
    this.keepLeases();
  }

  /** Whether nobody else can have taken it since. */
  private isOurs({ recipients }: Claim): boolean {
    const now = this.clock.now();
    return recipients.every((one) => now < (this.leased.get(one.recipientId)?.until ?? 0));
  }

  /** Its lease ran out before its turn came: the store knows whose it is now. */
  private letGo(claim: Claim): void {
    for (const one of claim.recipients) this.leased.delete(one.recipientId);
    this.lookForMore();
  }

  private async deliver(claim: Claim): Promise<void> {
    let running = true;
    try {
      const delivery = await this.send(claim);
      // The next mail need not wait until this one's result is on disk; the results of many share one sync.
      this.settling++;
      this.running--;
      running = false;
      this.pump();
      await this.settle(claim, delivery);
    } catch (error) {
      // Our own trouble: the lease runs out and the mail is tried again.
      this.options.log.error('queue.delivery_broken', { id: claim.id, error: (error as Error).message });
    }
    for (const one of claim.recipients) this.leased.delete(one.recipientId);
    if (running) this.running--;
    else this.settling--;
    this.pump();
    this.checkStop();
    if (this.isResting() || (this.backlog && this.ready.length < this.options.concurrency)) this.wake();
  }

  /** Tries the upstreams in their order until one can be reached. */
  private async send(claim: Claim): Promise<Delivery & { upstream: string }> {
    const { store, log } = this.options;
    let why = 'no upstream';
    let upstream = '';
    const envelope = {
      sender: claim.sender,
      recipients: claim.recipients.map((one) => one.address),
      size: claim.size,
      eightBit: claim.parameters.some(([keyword, value]) => keyword === 'BODY' && /^8BITMIME$/i.test(value)),
    };
    const open = async (): Promise<Content> => {
      const content = claim.content ? [claim.content] : await store.content(claim.id);
      if (!content) throw new Error('its content is gone');
      return content;
    };
    for (const forwarder of this.forwarders) {
      upstream = forwarder.upstream.name;
      try {
        return { ...(await forwarder.deliver(envelope, open)), upstream };
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        why = error.message;
        const level = ROUTE_ERRORS.has(error.code) ? 'error' : 'warn';
        log[level]('upstream.unreachable', { upstream, error: why });
      }
    }
    return { outcomes: claim.recipients.map(() => ({ fate: 'deferred', reply: why })), tls: '', upstream };
  }

  private async settle(claim: Claim, delivery: Delivery & { upstream: string }): Promise<void> {
    const { log } = this.options;
    const results = claim.recipients.map((one, i) => this.settlement(claim, one, delivery.outcomes[i]!, delivery));
    const valid = await this.record(results);
    if (valid < results.length) log.warn('queue.lease_lost', { id: claim.id, lost: results.length - valid });
    for (const [i, one] of claim.recipients.entries()) {
      const { state, nextAttempt, attempt } = results[i]!;
      const fields = { id: claim.id, to: one.address, upstream: delivery.upstream, reply: attempt!.reply };
      if (nextAttempt !== null) this.lookAgainBy(nextAttempt);
      if (state === 'delivered') log.info('message.delivered', fields);
      else if (nextAttempt !== null)
        log.warn(`message.${state}`, { ...fields, next: new Date(nextAttempt).toISOString() });
      else log.error(`message.${state}`, fields);
    }
  }

  /** What became of a mail must not be lost, or it is sent once more: so this goes on until the store takes it. */
  private async record(results: readonly Settlement[]): Promise<number> {
    for (;;) {
      try {
        const fenced = results.map((one) => ({ ...one, fence: this.leased.get(one.recipientId)?.fence ?? one.fence }));
        return await this.options.store.settle(fenced, { forgetDelivered: true });
      } catch (error) {
        this.options.log.error('queue.settle_failed', { error: (error as Error).message });
        if (this.stopped) throw error;
        await new Promise<void>((resolve) => this.clock.setTimeout(resolve, STORE_RETRY_MS));
      }
    }
  }

  private settlement(
    claim: Claim,
    one: ClaimedRecipient,
    outcome: Outcome,
    d: Delivery & { upstream: string },
  ): Settlement {
    const now = this.clock.now();
    const { retry } = this.options;
    const attempt = attemptOf(outcome, now, d.upstream, d.tls);
    const base = { recipientId: one.recipientId, fence: one.fence, attempt };
    if (outcome.fate === 'delivered') return { ...base, state: 'delivered', nextAttempt: null };
    if (outcome.fate === 'failed') return { ...base, state: 'bounced', nextAttempt: null };
    if (now - claim.receivedAt >= retry.expire) return { ...base, state: 'expired', nextAttempt: null };
    // Perhaps delivered: the longest wait, so that an upstream which only answered late is not sent a copy at once.
    if (outcome.fate === 'unknown') return { ...base, state: 'unknown', nextAttempt: now + retry.max };
    return { ...base, state: 'deferred', nextAttempt: now + retryDelay(retry, one.attempts + 1) };
  }

  /** Prolongs the leases of what is under way, for as long as there is some. */
  private keepLeases(): void {
    if (this.renewal !== null || this.leased.size === 0) return;
    this.renewal = this.clock.setTimeout(() => {
      this.renewal = null;
      const leases = [...this.leased].map(([recipientId, { fence }]) => ({ recipientId, fence }));
      if (leases.length === 0) return;
      void this.renew(leases);
      this.keepLeases();
    }, LEASE_MS / 3);
  }

  private async renew(leases: readonly { recipientId: number; fence: number }[]): Promise<void> {
    const until = this.clock.now() + LEASE_MS;
    try {
      for (const recipientId of await this.options.store.renew(leases, until)) {
        const held = this.leased.get(recipientId);
        if (held) held.until = Math.max(held.until, until);
      }
    } catch (error) {
      this.options.log.error('queue.renew_failed', { error: (error as Error).message });
    }
  }

  private checkStop(): void {
    if (this.stopping && this.isIdle()) this.stopping();
  }

  private isIdle(): boolean {
    return this.running === 0 && this.settling === 0 && !this.claiming;
  }

  /** Nothing is under way, nor about to be. */
  private isResting(): boolean {
    return this.ready.length + this.running + this.settling + this.reserved === 0;
  }
}
