// The queue as the API shows it: what waits for delivery, and how the upstreams do.
import type { Handler } from '../context.ts';
import { DEFAULT_LIMIT, numberFrom } from '../query.ts';
import { iso } from './json.ts';

/** Oldest first; `next` is the `after` of the next page, null at the end. */
export const getQueue: Handler = async (c, { store, lanes }) => {
  const limit = numberFrom(c.req.query('limit')) ?? DEFAULT_LIMIT;
  const after = numberFrom(c.req.query('after'));
  const [found, counts] = await Promise.all([store.queue({}, limit + 1, after), store.counts()]);
  const shown = found.slice(0, limit);
  return c.json({
    messages: shown.map(({ receivedAt, recipients, ...rest }) => ({
      ...rest,
      receivedAt: iso(receivedAt),
      recipients: recipients.map(({ nextAttempt, since, recipientId: _, ...one }) => ({
        ...one,
        nextAttempt: nextAttempt === null ? null : iso(nextAttempt),
        since: iso(since),
      })),
    })),
    next: found.length > limit ? shown.at(-1)!.seq : null,
    recipients: counts.recipients,
    oldestWaiting: counts.oldestWaiting === null ? null : iso(counts.oldestWaiting),
    upstreams: lanes().map(({ name, state, alarm, running }) => ({ name, state, alarm, running })),
  });
};
