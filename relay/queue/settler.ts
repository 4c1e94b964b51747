// Puts on record what became of mails: results into the store together with the notices that they make necessary, the
// leases dropped, the log told.
import type { Clock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { Claim, Notice, Settlement, Store } from '../store/store.ts';
import type { Leases } from './leases.ts';
import type { Notices } from './notice.ts';
import type { Parcel } from './parcel.ts';
import { mayBeTold, type Result } from './queue-result.ts';

/** How long the store is left alone after it failed. */
export const STORE_RETRY_MS = 1_000;

export interface SettlerOptions {
  readonly store: Store;
  readonly leases: Leases;
  readonly notices: Notices;
  readonly log: Log;
  readonly clock: Clock;
  /** Called with each time at which something is due again, and with 0 for notices that are due at once. */
  readonly due: (time: number) => void;
}

const NO_NOTICES: readonly Notice[] = [];

export class Settler {
  private readonly options: SettlerOptions;
  private isStopped = false;

  constructor(options: SettlerOptions) {
    this.options = options;
  }

  /** What the store does not take from here on is left to the leases' end. */
  stop(): void {
    this.isStopped = true;
  }

  /**
   * Records the results of a parcel, and with the last parcel of a mail its failures. Rejects when the store takes
   * nothing and this is stopping.
   */
  async finish({ claim, family }: Pick<Parcel, 'claim' | 'family'>, results: readonly Result[]): Promise<void> {
    if (family === null) return this.record(claim, results);
    family.open--;
    if (family.open === 0) return this.record(claim, [...results, ...family.failed.splice(0)]);
    // What failed would fail again: nothing is lost if we die before it is on record.
    const rest = results.filter(({ settlement: { state } }) => state !== 'bounced' && state !== 'expired');
    for (const one of results) if (!rest.includes(one)) family.failed.push(one);
    return this.record(claim, rest);
  }

  async record(claim: Claim, results: readonly Result[]): Promise<void> {
    if (results.length === 0) return;
    const { leases, log } = this.options;
    const settlements = results.map(({ settlement }) => settlement);
    try {
      const told = results.some(mayBeTold) ? await this.noticesFor(claim, results) : NO_NOTICES;
      const valid = await this.settle(settlements, told);
      if (valid < results.length) log.warn('queue.lease_lost', { id: claim.id, lost: results.length - valid });
      for (const result of results) this.tell(claim, result);
      if (told.length > 0) this.options.due(0);
    } finally {
      leases.drop(settlements);
    }
  }

  /** Mails that go back untried, many in one commit. Never rejects: what is not recorded is left to the leases' end. */
  async giveBack(settlements: readonly Settlement[]): Promise<void> {
    const { leases, log, store } = this.options;
    try {
      await store.settle(settlements.map((one) => this.fenced(one)));
      for (const { nextAttempt } of settlements) if (nextAttempt !== null) this.options.due(nextAttempt);
    } catch (error) {
      log.error('queue.release_failed', { error: (error as Error).message });
    }
    leases.drop(settlements);
  }

  /** A bounce that cannot be made must not keep the results off the record: those delivered would be sent once more. */
  private async noticesFor(claim: Claim, results: readonly Result[]): Promise<readonly Notice[]> {
    const { notices, log } = this.options;
    try {
      return await notices.for(claim, results);
    } catch (error) {
      log.error('notice.failed', { about: claim.id, error: (error as Error).message });
      return NO_NOTICES;
    }
  }

  /** What became of a mail must not be lost, or it is sent once more: so this goes on until the store takes it. */
  private async settle(settlements: readonly Settlement[], notices: readonly Notice[]): Promise<number> {
    const { store, log, clock, leases } = this.options;
    for (;;) {
      try {
        const fenced = settlements.map((one) => this.fenced(one));
        if (notices.length === 0) return await store.settle(fenced, { forgetDelivered: true });
        const about = (notice: Notice): Notice => ({
          ...notice,
          about: notice.about.map((one) => ({ ...one, fence: leases.fenceOf(one) })),
        });
        return await store.settle(fenced, { forgetDelivered: true, notices: notices.map(about) });
      } catch (error) {
        log.error('queue.settle_failed', { error: (error as Error).message });
        if (this.isStopped) throw error;
        await new Promise<void>((resolve) => clock.setTimeout(resolve, STORE_RETRY_MS));
      }
    }
  }

  private fenced(settlement: Settlement): Settlement {
    const fence = this.options.leases.fenceOf(settlement);
    return fence === settlement.fence ? settlement : { ...settlement, fence };
  }

  private tell(claim: Claim, { recipient, settlement, outcome }: Result): void {
    const { log, due } = this.options;
    const { state, nextAttempt, attempt } = settlement;
    const fields = { id: claim.id, to: recipient.address, upstream: attempt?.upstream ?? '', reply: outcome.reply };
    if (nextAttempt !== null) {
      due(nextAttempt);
      // Not tried: the lane has said why.
      if (attempt !== null) log.warn(`message.${state}`, { ...fields, next: new Date(nextAttempt).toISOString() });
    } else if (state === 'delivered' && attempt === null) log.info('message.discarded', fields);
    else if (state === 'delivered' || state === 'captured') log.info(`message.${state}`, fields);
    else log.error(`message.${state}`, fields);
  }
}
