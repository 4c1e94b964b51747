// Writes into the store which upstreams are paused, so that `lonedot queue`, another process, can tell. Looks whenever
// the queue has moved; nearly always that is one comparison for each lane, and nothing is written. `lonedot queue flush`
// answers on the same board: it ends the pauses that it finds there.
import type { Clock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { PausedUpstream, Store } from '../store/store.ts';
import type { Lane } from './lane.ts';

export interface PauseBoardOptions {
  readonly store: Store;
  readonly owner: string;
  readonly lanes: readonly Pick<Lane, 'gate' | 'view' | 'hurry'>[];
  readonly log: Log;
  readonly clock: Clock;
}

export class PauseBoard {
  private readonly options: PauseBoardOptions;
  /** What stands on the board, as JSON: the same is not written twice. */
  private noted = '[]';
  private writing: Promise<void> | null = null;
  private isCleared = false;

  constructor(options: PauseBoardOptions) {
    this.options = options;
  }

  /** A pause may have begun or ended. Cheap to call often. */
  look(): void {
    if (this.isCleared || this.writing !== null || (this.noted === '[]' && this.isAllOpen())) return;
    this.write(this.paused());
  }

  /** Another process has changed the store: perhaps an operator who wants to see mail go, pause or no pause. */
  async heed(): Promise<void> {
    if (this.noted === '[]' || this.isCleared) return;
    const { store, owner, lanes, log, clock } = this.options;
    try {
      await this.writing;
      const now = clock.now();
      const pauses = await store.pauses(now, owner);
      const ended = new Set(pauses.filter(({ until }) => until <= now).map(({ upstream }) => upstream));
      for (const lane of lanes) if (ended.has(lane.view().name)) lane.hurry(now);
    } catch (error) {
      log.warn('queue.pauses_not_read', { error: (error as Error).message });
    }
  }

  /** Nobody is paused by a queue that has stopped. */
  async clear(): Promise<void> {
    this.isCleared = true;
    await this.writing;
    this.write([]);
    await this.writing;
  }

  private write(pauses: readonly PausedUpstream[]): void {
    const { store, owner, log, clock } = this.options;
    const noted = JSON.stringify(pauses);
    if (noted === this.noted) return;
    this.noted = noted;
    this.writing = store
      .notePauses(owner, pauses, clock.now())
      // Not worth another try: the log has said it all, and the next change is written again.
      .catch((error: Error) => log.warn('queue.pauses_not_noted', { error: error.message }))
      .finally(() => {
        this.writing = null;
        // What moved meanwhile.
        this.look();
      });
  }

  private isAllOpen(): boolean {
    const now = this.options.clock.now();
    return this.options.lanes.every((lane) => lane.gate('', now) === 'open');
  }

  private paused(): PausedUpstream[] {
    return this.options.lanes.flatMap((lane) => {
      const { name: upstream, until, why, alarm } = lane.view();
      return until === null ? [] : [{ upstream, until, why, alarm }];
    });
  }
}
