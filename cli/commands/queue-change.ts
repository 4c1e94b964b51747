// `lonedot queue hold`, `release`, `flush`, `requeue`, `delete`, `bounce`: what was changed, and what was busy.
import type { QueueAction, Store } from '../../relay/store/store.ts';
import type { Manner } from '../options.ts';
import { print } from '../output.ts';
import { filterOf, hasFilter, type QueueArguments } from './queue-options.ts';
import { plural } from './queue-text.ts';

const DONE: Readonly<Record<QueueAction, string>> = {
  hold: 'held',
  release: 'released, due now',
  flush: 'due now',
  requeue: 'put back into the queue, due now',
  bounce: 'to be bounced as soon as the relay gets to it',
  delete: 'deleted',
};

/** Resolves with the exit code: 1 when ids or filters were given and nothing could be changed. */
export async function changeQueue(
  store: Store,
  action: QueueAction,
  ids: readonly string[],
  given: QueueArguments,
  manner: Manner,
): Promise<number> {
  const now = Date.now();
  const filter = { ...filterOf(given, now), ...(ids.length > 0 ? { ids } : {}) };
  const { changed, busy } = await store.change(filter, action, now);
  if (given.json) await print(`${JSON.stringify({ action, changed, busy })}\n`);
  else if (manner.level !== 'error') await print(`${changeText(action, changed, busy)}\n`);
  return changed === 0 && (busy > 0 || ids.length > 0 || hasFilter(given)) ? 1 : 0;
}

function changeText(action: QueueAction, changed: number, busy: number): string {
  const done = changed === 0 ? `Nothing to ${action}` : `${plural(changed, 'recipient')} ${DONE[action]}`;
  if (busy === 0) return `${done}.`;
  return `${done}; ${plural(busy, 'recipient')} left alone, being delivered at this moment.`;
}
