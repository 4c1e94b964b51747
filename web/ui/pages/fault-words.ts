// Fault rules in words: what can be chosen in the form, and a sentence for each rule of the list.
import { duration, size } from '../format.ts';
import type { FaultView, NewFault } from '../own-types.ts';

export type Action = 'none' | 'reply' | 'drop' | 'reset' | 'truncate' | 'throttle' | 'fail';

interface ActionWords {
  readonly title: string;
  /** The title of its field, and what can stand there; null when there is none. */
  readonly field: string;
  readonly hint: string | null;
}

export const ACTIONS: Readonly<Record<Action, ActionWords>> = {
  reply: { title: 'answer with', field: 'Reply', hint: '451 4.3.0 Try later' },
  none: { title: 'only delay', field: '', hint: null },
  drop: { title: 'close the connection', field: '', hint: null },
  reset: { title: 'reset the connection', field: '', hint: null },
  truncate: { title: 'close inside the content', field: 'After bytes', hint: '10k' },
  throttle: { title: 'read slowly', field: 'Bytes a second', hint: '1k' },
  fail: { title: 'fail the TLS handshake', field: '', hint: null },
};

export const PHASES: readonly (readonly [NewFault['phase'], string])[] = [
  ['connect', 'the greeting'],
  ['tls', 'the TLS handshake'],
  ['ehlo', 'EHLO'],
  ['helo', 'HELO'],
  ['starttls', 'STARTTLS'],
  ['auth', 'AUTH'],
  ['mail', 'MAIL FROM'],
  ['rcpt', 'RCPT TO'],
  ['data', 'DATA'],
  ['content', 'the content, while it comes'],
  ['dot', 'the end of the content'],
  ['rset', 'RSET'],
  ['noop', 'NOOP'],
  ['vrfy', 'VRFY'],
  ['help', 'HELP'],
  ['quit', 'QUIT'],
  ['command', 'any command'],
];

export function actionOf(rule: NewFault): Action {
  const found = (Object.keys(ACTIONS) as Action[]).find((one) => one !== 'none' && rule[one] !== undefined);
  return found ?? 'none';
}

/** `At RCPT TO *@example.com: answer 451, the 3rd time.` */
export function sentence(rule: FaultView): string {
  const does = [
    rule.delay !== undefined && `wait ${duration(rule.delay)}`,
    rule.reply !== undefined && `answer ${rule.reply}`,
    rule.drop !== undefined && `close the connection${rule.drop === 'after' ? ', stored and not answered' : ''}`,
    rule.reset !== undefined && `reset the connection${rule.reset === 'after' ? ', stored and not answered' : ''}`,
    rule.truncate !== undefined && `close after ${size(rule.truncate)} of content`,
    rule.throttle !== undefined && `read ${size(rule.throttle)} a second`,
    rule.fail === true && 'fail the handshake',
  ].filter(Boolean);
  return does.join(', then ');
}

export function conditions(rule: FaultView): string[] {
  const all = [
    rule.from !== undefined && `from ${rule.from}`,
    rule.to !== undefined && `to ${rule.to}`,
    rule.namespace !== undefined && `namespace ${rule.namespace}`,
    rule.listener !== undefined && `listener ${rule.listener}`,
    rule.afterCommands !== undefined && `after ${rule.afterCommands} commands`,
    rule.nth !== undefined && `only match ${rule.nth}`,
    rule.every !== undefined && `every ${rule.every} matches`,
    rule.probability !== undefined && `probability ${rule.probability}`,
    rule.seed !== undefined && `seed ${rule.seed}`,
    rule.count !== undefined && `at most ${rule.count} times`,
  ];
  return all.filter((one): one is string => one !== false);
}
