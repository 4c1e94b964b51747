// Options of webhooks. Everything about one hook stands in its URL, behind a `#`: that part of a URL is never sent, so
// it is free for what only this side has to know.
//   https://app.example.test/mail#include=message&query=to:alice&secret=...
import { ChatError } from '../../src/errors.ts';
import type { OptionTable, OptionValues } from '../../src/options.ts';
import { parseSearch } from '../inbox/search-language.ts';
import type { SearchQuery } from '../inbox/search-query.ts';

const GROUP = 'Webhooks';

export const WEBHOOK_OPTIONS = {
  'webhook-url': {
    type: 'url',
    list: true,
    protocols: ['http:', 'https:'],
    otherwise: 'none',
    variables: ['MP_WEBHOOK_URL'],
    describe: 'Where each new mail is told by HTTP POST; #query=, #include= and #secret= may follow',
    group: GROUP,
  },
  'webhook-secret': {
    type: 'secret',
    otherwise: 'not signed',
    describe: 'Key with which webhooks are signed (HMAC-SHA256), where their URL names none',
    group: GROUP,
  },
  'webhook-limit': {
    type: 'integer',
    zero: 'no limit',
    default: 5,
    variables: ['MP_WEBHOOK_LIMIT'],
    describe: 'Most requests a second to one webhook; what is more waits and is not lost',
    group: GROUP,
  },
  'webhook-delay': {
    type: 'duration',
    zero: 'none',
    default: '0s',
    variables: [{ name: 'MP_WEBHOOK_DELAY', unit: 's' }],
    describe: 'How long to wait with a mail before it is told',
    group: GROUP,
  },
  'webhook-timeout': {
    type: 'duration',
    min: '100ms',
    default: '10s',
    describe: 'How long a webhook may take to answer',
    group: GROUP,
  },
  'webhook-expire': {
    type: 'duration',
    min: '1m',
    default: '3d',
    describe: 'How long a mail is told again to a webhook that fails, counted from its arrival',
    group: GROUP,
  },
} as const satisfies OptionTable;

export type WebhookOptions = OptionValues<typeof WEBHOOK_OPTIONS>;

export const INCLUDES = ['summary', 'message', 'raw'] as const;
export type Include = (typeof INCLUDES)[number];

/** One hook, as its URL says. */
export interface HookOptions {
  /** Without the part behind the `#`. */
  readonly url: URL;
  /** For logs and metrics: scheme, host and port. Paths of webhooks often are secrets. */
  readonly name: string;
  /** In the search language; '' for all mail, and then `search` is undefined. */
  readonly query: string;
  readonly search: SearchQuery | undefined;
  readonly include: Include;
  /** '' for none. */
  readonly secret: string;
}

/** Throws BAD_OPTION with one line that repeats no secret. */
export function hooksOf({ webhookUrl = [], webhookSecret }: WebhookOptions): HookOptions[] {
  return webhookUrl.map((url) => hookOf(url, webhookSecret ?? ''));
}

function hookOf(given: URL, secret: string): HookOptions {
  const url = new URL(given);
  const parameters = new URLSearchParams(url.hash.slice(1));
  url.hash = '';
  const bad = (why: string): ChatError => new ChatError('BAD_OPTION', `webhook-url: ${url.origin}: ${why}`);
  for (const [name, value] of parameters) {
    if (!['query', 'include', 'secret'].includes(name))
      throw bad(
        `unknown parameter ${JSON.stringify(name.slice(0, 40))} behind the #; there are query, include, secret`,
      );
    if (value === '') throw bad(`${name} is empty`);
    if (parameters.getAll(name).length > 1) throw bad(`${name} stands there twice`);
  }
  const include = (parameters.get('include') ?? 'summary') as Include;
  if (!INCLUDES.includes(include)) throw bad(`include is one of ${INCLUDES.join(', ')}`);
  const query = parameters.get('query') ?? '';
  return {
    url,
    name: url.origin,
    query,
    search: query === '' ? undefined : searchOf(query, bad),
    include,
    secret: parameters.get('secret') ?? secret,
  };
}

function searchOf(query: string, bad: (why: string) => ChatError): SearchQuery {
  try {
    return parseSearch(query, { now: Date.now() });
  } catch (error) {
    throw error instanceof ChatError ? bad(`query: ${error.message}`) : error;
  }
}
