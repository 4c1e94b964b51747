// The leases that this process holds, as far as it knows: which recipients are its own, until when, and their fencing
// tokens. As long as there are any they are prolonged, all in one question to the store.
import type { Clock, TimerHandle } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { Claim, ClaimedRecipient, Store } from '../store/store.ts';

/** A delivery that is still running prolongs its lease; one whose process died is taken over after this time. */
export const LEASE_MS = 15_000;

interface Held {
  readonly fence: number;
  /** Until then nobody else may take it. */
  until: number;
}

export class Leases {
  private readonly store: Store;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly held = new Map<number, Held>();
  private renewal: TimerHandle | null = null;

  constructor(store: Store, clock: Clock, log: Log) {
    this.store = store;
    this.clock = clock;
    this.log = log;
  }

  /**
   * Notes what was claimed; gives the claim with those of its recipients that are new here, null when none is. What is
   * under way here and had its lease run out (we slept, or the store did) is not sent once more.
   */
  take(claim: Claim, until: number): Claim | null {
    let isKnown = false;
    for (const { recipientId } of claim.recipients) if (this.held.has(recipientId)) isKnown = true;
    const recipients = isKnown ? claim.recipients.filter((one) => !this.held.has(one.recipientId)) : claim.recipients;
    for (const { recipientId, fence } of claim.recipients) {
      const held = this.held.get(recipientId);
      if (held === undefined || held.fence < fence) this.held.set(recipientId, { fence, until });
    }
    if (recipients.length === 0) return null;
    return isKnown ? { ...claim, recipients } : claim;
  }

  /** Whether nobody else can have taken them since. */
  areOurs(recipients: readonly ClaimedRecipient[]): boolean {
    const now = this.clock.now();
    for (const { recipientId } of recipients) if (now >= (this.held.get(recipientId)?.until ?? 0)) return false;
    return true;
  }

  /** The token to settle with: a claim of ours may have been followed by a later one. */
  fenceOf({ recipientId, fence }: { readonly recipientId: number; readonly fence: number }): number {
    return this.held.get(recipientId)?.fence ?? fence;
  }

  drop(recipients: readonly { readonly recipientId: number }[]): void {
    for (const { recipientId } of recipients) this.held.delete(recipientId);
  }

  /** Prolongs what is held, for as long as there is some. Cheap to call often. */
  keep(): void {
    if (this.renewal !== null || this.held.size === 0) return;
    this.renewal = this.clock.setTimeout(() => {
      this.renewal = null;
      this.renew();
      this.keep();
    }, LEASE_MS / 3);
  }

  /** Prolongs what is held, now. */
  renew(): void {
    const leases = [...this.held].map(([recipientId, { fence }]) => ({ recipientId, fence }));
    if (leases.length > 0) void this.prolong(leases);
  }

  stop(): void {
    this.clock.clearTimeout(this.renewal);
  }

  private async prolong(leases: readonly { recipientId: number; fence: number }[]): Promise<void> {
    const until = this.clock.now() + LEASE_MS;
    try {
      for (const recipientId of await this.store.renew(leases, until)) {
        const held = this.held.get(recipientId);
        // Also when that is sooner than before: the clock was set back.
        if (held) held.until = until;
      }
    } catch (error) {
      this.log.error('queue.renew_failed', { error: (error as Error).message });
    }
  }
}
