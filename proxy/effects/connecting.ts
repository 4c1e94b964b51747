// What effects do to a connection before its upstream is asked: it waits, is refused, is answered.
import type { Clock } from '../../src/clock.ts';
import type { Transport } from '../../src/transport.ts';
import { ConnectionEffects, type Effects } from './effects.ts';
import type { Action } from './rule.ts';

/** A client that was answered and does not leave is left. */
const LEAVE_MS = 5000;

export interface Visit {
  readonly effects: Effects;
  readonly conn: number;
  readonly transport: Transport;
  readonly clock: Clock;
  /** It goes on to the upstream. */
  go(): void;
  /** For the journal: which effect did something, and whether that was the end. */
  touched(effect: string, isRefused: boolean): void;
}

export function meet({ effects, conn, transport, clock, go, touched }: Visit): void {
  const due = new ConnectionEffects(effects, conn).connecting();
  let delayMs = 0;
  let final: Action | null = null;
  let by = '';
  for (const { rule } of due) {
    for (const action of rule.actions) {
      by = rule.text;
      if (action.type === 'delay') delayMs += action.ms;
      else final = action;
      if (final) break;
    }
    if (final) break;
  }
  if (delayMs === 0 && final === null) return go();
  const act = (): void => {
    touched(by, final !== null);
    if (final === null) go();
    else turnAway(transport, final, clock);
  };
  transport.on('error', () => {});
  if (delayMs === 0) return act();
  const timer = clock.setTimeout(act, delayMs);
  transport.on('close', () => clock.clearTimeout(timer));
}

function turnAway(transport: Transport, action: Action, clock: Clock): void {
  if (action.type === 'reset' && transport.reset) return transport.reset();
  if (action.type !== 'answer') return transport.destroy();
  const text = /[\r\n]$/.test(action.text) ? action.text : `${action.text}\r\n`;
  transport.write(Buffer.from(text, 'latin1'));
  transport.end();
  // What it still says is not read by anybody.
  transport.on('data', () => {});
  const limit = clock.setTimeout(() => transport.destroy(), LEAVE_MS);
  transport.on('end', () => transport.destroy());
  transport.on('close', () => clock.clearTimeout(limit));
}
