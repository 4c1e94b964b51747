// What a sender wants to hear of a recipient: the NOTIFY parameter of RCPT (RFC 3461 4.1).
import type { Parameter } from '../store/store.ts';

export function parameterOf(parameters: readonly Parameter[], keyword: string): string | undefined {
  // Nearly every recipient has none.
  return parameters.length === 0 ? undefined : parameters.find(([key]) => key === keyword)?.[1];
}

/** Without a NOTIFY failures and delays are told, and no success. */
export function notifies(parameters: readonly Parameter[], what: 'SUCCESS' | 'FAILURE' | 'DELAY'): boolean {
  const notify = parameterOf(parameters, 'NOTIFY');
  return notify === undefined ? what !== 'SUCCESS' : notify.toUpperCase().split(',').includes(what);
}
