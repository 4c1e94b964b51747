// Has the system probe peers that say nothing (keepalive), once a connection has lasted for a while: most are over before, and
// to ask for it costs more than all else that is done about a connection here.
import type { Clock, TimerHandle } from '../../src/clock.ts';
import type { Crowd } from '../../src/crowd.ts';

/** Behind so much silence the system asks whether the peer is still there. */
export const KEEP_ALIVE_MS = 60_000;
/** A connection is younger than twice this when it is asked for. */
export const ROUND_MS = 20_000;

/** What may last. */
export interface Lasting {
  /** Called once a round. */
  probe(idleMs: number): void;
}

export class Probing {
  private readonly all: Crowd<Lasting>;
  private readonly clock: Clock;
  private timer: TimerHandle | null = null;

  constructor(all: Crowd<Lasting>, clock: Clock) {
    this.all = all;
    this.clock = clock;
  }

  /** To be called when one has come. */
  begin(): void {
    this.timer ??= this.clock.setTimeout(this.round, ROUND_MS);
  }

  /** To be called when the last one has left. */
  end(): void {
    if (this.timer !== null) this.clock.clearTimeout(this.timer);
    this.timer = null;
  }

  private readonly round = (): void => {
    this.timer = this.clock.setTimeout(this.round, ROUND_MS);
    for (const one of this.all.all()) one.probe(KEEP_ALIVE_MS);
  };
}
