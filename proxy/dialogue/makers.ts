// What looks at a connection: an observer; behind a gate where bytes are to be changed; with a linter beside it.
import type { Clock } from '../../src/clock.ts';
import { inTurn, type MakeChanger } from '../changer.ts';
import type { Effects } from '../effects/effects.ts';
import type { Ground } from '../ftp/follower.ts';
import type { LintReport } from '../lint/report.ts';
import type { ProxyOptions } from '../options.ts';
import type { PairObserver } from '../pair.ts';
import { Observer, type ObserverOptions } from './observer.ts';
import type { Tap } from './tap.ts';

/** `ground`: of a connection that may be FTP's, with data connections to follow. */
export type Maker = (options: ObserverOptions, ground?: Ground) => PairObserver;

export interface Wanted {
  readonly protocol: ProxyOptions['protocol'];
  readonly starttls: ProxyOptions['starttls'];
  readonly ftpData: ProxyOptions['ftpData'];
  readonly effects: Effects | undefined;
  readonly lint: LintReport | undefined;
  readonly clock: Clock;
}

export async function maker(wanted: Wanted): Promise<Maker> {
  const { effects, lint, clock } = wanted;
  const observer = lint ? await linted(lint) : (options: ObserverOptions) => new Observer(options);
  const changers = await changersFor(wanted);
  if (effects) {
    const { EffectGate } = await import('../effects/effect-gate.ts');
    return (how, ground) =>
      new EffectGate({ effects, conn: how.conn, clock, makeChanger: changers?.(how, ground) }, (tap, later) => {
        // TLS begins when the client has heard that it may.
        const secure = how.secure && ((early: Buffer) => later(() => how.secure?.(early)));
        return observer({ ...how, tap, secure });
      });
  }
  if (!changers) return observer;
  const { Gate } = await import('../gate.ts');
  return (how, ground) => {
    const make = changers(how, ground);
    return make ? new Gate(make, (tap) => observer({ ...how, tap })) : observer(how);
  };
}

/** What changes lines; undefined when nothing ever does. */
async function changersFor({
  protocol,
  starttls,
  ftpData,
}: Wanted): Promise<((how: ObserverOptions, ground: Ground | undefined) => MakeChanger | undefined) | undefined> {
  const crosses = starttls !== 'observe' && protocol !== 'auto' ? { starttls, protocol } : null;
  const follows = ftpData !== 'off' && (protocol === 'ftp' || protocol === 'auto');
  if (!crosses && !follows) return undefined;
  const [crossing, following] = await Promise.all([
    crosses && import('../cross-out.ts'),
    follows && import('../ftp/follower.ts'),
  ]);
  return ({ journal, conn, now }, ground) => {
    const makers: MakeChanger[] = [];
    if (crossing && crosses) makers.push(() => crossing.crossOut(crosses.starttls, crosses.protocol));
    if (following && ground)
      makers.push((observer) => new following.Follower({ ground, journal, conn, now }, observer));
    return inTurn(makers);
  };
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
