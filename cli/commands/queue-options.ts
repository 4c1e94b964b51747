// What `lonedot queue` can be told: its options, and what they mean for the store.
import { stat } from 'node:fs/promises';
import { RELAY_OPTIONS } from '../../relay/options.ts';
import { checkDatabase, isPostgresUrl } from '../../relay/store/postgres-url.ts';
import { openSqliteStore } from '../../relay/store/sqlite.ts';
import { type QueueFilter, RECIPIENT_STATES, type Store } from '../../relay/store/store.ts';
import { ChatError } from '../../src/errors.ts';
import { type OptionTable, type OptionValues, resolveOptions } from '../../src/options.ts';
import type { Context } from '../command.ts';

const FILTERS = 'Which mail (all that is given must hold)';
const PATTERN = 'an address, @domain, or with * for anything';

export const ACTIONS = [
  'list',
  'show',
  'why',
  'flush',
  'hold',
  'release',
  'requeue',
  'delete',
  'bounce',
  'nodes',
] as const;

const DATABASE_OPTIONS = {
  database: {
    ...RELAY_OPTIONS.database,
    group: 'Queue',
    describe: 'File, or postgres:// URL, of the database that the relay uses',
  },
} as const satisfies OptionTable;

const ARGUMENTS = {
  action: {
    type: 'choice',
    positional: true,
    choices: ACTIONS,
    default: 'list',
    describe: `One of ${ACTIONS.join(', ')}`,
  },
  id: {
    type: 'string',
    positional: true,
    list: true,
    pattern: { test: /^[0-9A-Za-z]{1,22}$/, says: 'the id of a message, or how it begins' },
    describe: 'Ids of messages, or how they begin',
  },
} as const satisfies OptionTable;

const FLAGS = {
  json: {
    type: 'boolean',
    default: false,
    group: 'Queue',
    describe: 'Print JSON: one line per message, or per change',
  },
  limit: {
    type: 'integer',
    zero: 'no limit',
    otherwise: '100, with --json no limit',
    group: 'Queue',
    describe: 'How many messages list shows, the oldest first',
  },
  state: {
    type: 'choice',
    list: true,
    choices: RECIPIENT_STATES.filter((state) => state !== 'captured'),
    group: FILTERS,
    describe: 'Recipients in this state; may be given several times',
  },
  sender: { type: 'string', group: FILTERS, describe: `Mail from: ${PATTERN}; <> is the null sender` },
  recipient: { type: 'string', group: FILTERS, describe: `Mail to: ${PATTERN}` },
  'older-than': { type: 'duration', group: FILTERS, describe: 'Mail that was received longer ago than this: 1h, 2d' },
  'newer-than': { type: 'duration', group: FILTERS, describe: 'Mail that was received since' },
  all: {
    type: 'boolean',
    default: false,
    group: FILTERS,
    describe: 'List all states; a change needs this when there is neither id nor filter',
  },
} as const satisfies OptionTable;

export const QUEUE_OPTIONS = { ...ARGUMENTS, ...DATABASE_OPTIONS, ...FLAGS } as const satisfies OptionTable;

export type QueueArguments = OptionValues<typeof ARGUMENTS> & OptionValues<typeof FLAGS>;
export type Action = (typeof ACTIONS)[number];

/** Everything but the database from the command line alone: no variable that lies about may widen what is deleted. */
export function readQueueArguments({ sources }: Context): QueueArguments {
  const { flags = new Map() } = sources;
  const given = resolveOptions({ ...ARGUMENTS, ...FLAGS }, { flags });
  const { action, id = [], limit, all } = given;
  const wrong = (what: string): ChatError => new ChatError('BAD_OPTION', what);
  if (limit !== undefined && action !== 'list') throw wrong(`--limit is for list, not for ${action}`);
  if ((action === 'show' || action === 'why') && id.length === 0)
    throw wrong(`queue ${action} needs the id of a message`);
  if (action === 'nodes' && (id.length > 0 || all || hasFilter(given)))
    throw wrong('queue nodes takes neither ids nor filters');
  if (action === 'list' || action === 'nodes') return given;
  if (all && (id.length > 0 || hasFilter(given))) throw wrong('--all excludes ids and filters');
  // A flush is what one does without looking; it harms nobody.
  if (!all && action !== 'flush' && id.length === 0 && !hasFilter(given)) {
    throw wrong(`queue ${action} needs ids, a filter such as --recipient, or --all`);
  }
  return given;
}

export function hasFilter({ state, sender, recipient, olderThan, newerThan }: QueueArguments): boolean {
  return [state, sender, recipient, olderThan, newerThan].some((value) => value !== undefined);
}

/** The filter that the options say, ids left out. */
export function filterOf(given: QueueArguments, now: number): QueueFilter {
  const { state, sender, recipient, olderThan, newerThan } = given;
  return {
    ...(state === undefined ? {} : { states: state }),
    ...(sender === undefined ? {} : { sender }),
    ...(recipient === undefined ? {} : { recipient }),
    ...(olderThan === undefined ? {} : { receivedBefore: now - olderThan }),
    ...(newerThan === undefined ? {} : { receivedAfter: now - newerThan }),
  };
}

/** Opens the relay's store; a file that is not there is refused, since an empty queue would be the wrong answer. */
export async function openQueue({ sources, config }: Context): Promise<Store> {
  const file = config?.section('relay')[0] ?? config?.section('sink')[0];
  const { database } = resolveOptions(DATABASE_OPTIONS, { ...sources, file });
  checkDatabase(database);
  if (isPostgresUrl(database)) {
    const { openPostgresStore } = await import('../../relay/store/postgres.ts');
    return openPostgresStore({ url: database, mustExist: true });
  }
  const found = await stat(database).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error && found.code === 'ENOENT') {
    const hint = 'name the one that the relay uses with --database FILE, or its config with --config FILE';
    throw new ChatError('STORE_FAILED', `database ${database}: there is no such file; ${hint}`, { file: database });
  }
  return openSqliteStore({ file: database });
}

/** The messages whose ids begin as the arguments say, each of which must mean exactly one. */
export async function findIds(store: Store, prefixes: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const prefix of prefixes) {
    const found = await store.queue({ idPrefix: prefix, states: RECIPIENT_STATES }, 4);
    const [first, ...others] = found.map((entry) => entry.id);
    if (first === undefined) throw new ChatError('STORE_FAILED', `no message has an id that begins with ${prefix}`);
    if (others.length > 0) {
      const some = [first, ...others].slice(0, 3).join(', ');
      const more = others.length === 3 ? ' and more' : '';
      throw new ChatError('STORE_FAILED', `${prefix} may mean ${some}${more}; write more of the id`);
    }
    ids.push(first);
  }
  return ids;
}
