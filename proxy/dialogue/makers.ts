// What looks at a connection: an observer; behind a gate where bytes are to be changed; with a linter beside it.
import type { Clock } from '../../src/clock.ts';
import type { Effects } from '../effects/effects.ts';
import type { LintReport } from '../lint/report.ts';
import type { ProxyOptions } from '../options.ts';
import type { PairObserver } from '../pair.ts';
import { Observer, type ObserverOptions, type Tap } from './observer.ts';

export type Maker = (options: ObserverOptions) => PairObserver;

export interface Wanted {
  readonly protocol: ProxyOptions['protocol'];
  readonly starttls: ProxyOptions['starttls'];
  readonly effects: Effects | undefined;
  readonly lint: LintReport | undefined;
  readonly clock: Clock;
}

export async function maker({ protocol, starttls, effects, lint, clock }: Wanted): Promise<Maker> {
  const observer = lint ? await linted(lint) : (options: ObserverOptions) => new Observer(options);
  const crosses = starttls !== 'observe' && protocol !== 'auto' ? { starttls, protocol } : null;
  const gate = crosses && (await import('../gate.ts'));
  if (effects) {
    const { EffectGate } = await import('../effects/effect-gate.ts');
    const change = crosses ? gate?.crossOut(crosses.starttls, crosses.protocol) : undefined;
    return (how) =>
      new EffectGate({ effects, conn: how.conn, clock, change }, (tap, later) => {
        // TLS begins when the client has heard that it may.
        const secure = how.secure && ((early: Buffer) => later(() => how.secure?.(early)));
        return observer({ ...how, tap, secure });
      });
  }
  if (!gate || !crosses) return observer;
  return (how) => new gate.Gate(crosses.starttls, crosses.protocol, (tap) => observer({ ...how, tap }));
}

/** Observers whose frames a linter sees before anybody else. */
async function linted(report: LintReport): Promise<(options: ObserverOptions) => Observer> {
  const { Linter } = await import('../lint/linter.ts');
  return (how) => {
    const linter = new Linter({
      report,
      protocol: () => observer.protocol,
      outstanding: () => observer.progress.asked - observer.progress.answered,
      tell: (from, check, text, offset) =>
        how.journal.tell(how.conn, how.now(), { type: 'finding', from, check, text, offset }),
    });
    const observer: Observer = new Observer({ ...how, tap: both(linter, how.tap) });
    return observer;
  };
}

function both(first: Tap, second: Tap | undefined): Tap {
  if (!second) return first;
  return {
    framed: (...frame) => {
      first.framed(...frame);
      return second.framed(...frame);
    },
    between: () => second.between?.(),
    broken: (...why) => first.broken?.(...why),
    plaintext: (...what) => first.plaintext?.(...what),
    ended: (from) => second.ended(from),
  };
}
