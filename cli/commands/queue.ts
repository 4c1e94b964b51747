// `lonedot queue`: looks after the mail of a relay, whether it runs or not. It opens the relay's database beside it; a
// running relay notices within about a second what was changed.
import type { Command } from '../command.ts';
import { changeQueue } from './queue-change.ts';
import { listQueue } from './queue-list.ts';
import { showNodes } from './queue-nodes.ts';
import { findIds, openQueue, QUEUE_OPTIONS, readQueueArguments } from './queue-options.ts';
import { explainMessages, showMessages } from './queue-show.ts';

const DESCRIPTION = `Looks after the mail of a relay, while it runs and when it does not.

  list       what waits, a line for each recipient; without an action, too
  show ID    envelope, recipients and header of a message
  why ID     route, every attempt with its reply, and what happens next
  flush      try now instead of at the next attempt
  hold       deliver no more until it is released
  release    deliver what is held
  requeue    start anew, also what bounced or expired: attempts and expiry count from now
  bounce     give up now and tell the sender
  delete     remove without a word to anybody
  nodes      the processes that share the database, where it is PostgreSQL

An id may be cut short as long as it means one message only. What is being delivered at this
moment is left alone. Exit codes: 0 done, 1 nothing matched or failed, 2 wrong usage.`;

export const queue: Command = {
  usage: 'queue [ACTION] [ID...] [options]',
  description: DESCRIPTION,
  examples: [
    ['lonedot queue', 'what waits in ./lonedot.db'],
    ['lonedot queue -d /var/lib/lonedot/relay.db --state held', 'what is held, in another database'],
    ['lonedot queue -c lonedot.json why 0VbhcZRE', 'the message whose id begins so, in the relay of a config file'],
    ['lonedot queue hold --recipient @example.com', 'no more mail to a domain for now'],
    ['lonedot queue requeue --state bounced --newer-than 1d', 'try again what was refused today'],
    ["lonedot queue delete --sender '<>' --older-than 2d", 'old bounces that nobody takes'],
    ['lonedot queue list --json', 'a JSON object per line and message, for programs'],
  ],
  note: `The database may also be named by LONEDOT_DATABASE, or by the relay of a config file; nothing else is read from there.`,
  table: QUEUE_OPTIONS,
  run: async (context) => {
    const given = readQueueArguments(context);
    const { action, id: prefixes = [] } = given;
    const store = await openQueue(context);
    try {
      if (action === 'nodes') return await showNodes(store, given.json);
      const ids = await findIds(store, prefixes);
      if (action === 'list') return await listQueue(store, ids, given);
      if (action === 'show') return await showMessages(store, ids, given);
      if (action === 'why') return await explainMessages(store, ids, given);
      return await changeQueue(store, action, ids, given, context.manner);
    } finally {
      await store.close();
    }
  },
};
