// The sink's options of the inbox: how long mail stays, and which tags it gets. `checkInboxOptions` tells what is wrong
// with them before anything starts.
import { ChatError } from '../../src/errors.ts';
import type { OptionTable, OptionValues } from '../../src/options.ts';
import type { InboxSettings } from './engine/inbox-protocol.ts';
import { checkTag } from './engine/tag-names.ts';
import { parseSearch } from './search-language.ts';

export const INBOX_OPTIONS = {
  max: {
    type: 'integer',
    short: 'm',
    zero: 'no limit',
    default: 500,
    variables: ['MP_MAX_MESSAGES'],
    describe: 'How many messages to keep; the oldest go first',
    group: 'Storage',
  },
  'max-age': {
    type: 'duration',
    min: '1s',
    zero: 'no limit',
    default: '0',
    variables: ['MP_MAX_AGE'],
    describe: 'How long messages are kept, such as 12h or 3d',
    group: 'Storage',
  },
  'max-total-size': {
    type: 'size',
    min: '64k',
    zero: 'no limit',
    default: 0,
    describe: 'How many bytes of messages to keep; the oldest go first',
    group: 'Storage',
  },
  tag: {
    type: 'string',
    list: true,
    separator: ';',
    short: 't',
    variables: ['MP_TAG'],
    pattern: { test: /^[^=]+=.*\S/, says: 'TAG=SEARCH, such as Orders=subject:order' },
    otherwise: 'none',
    example: ['Orders=subject:order'],
    describe: 'TAG=SEARCH: a mail that the search finds gets the tag; may be repeated',
    group: 'Inbox',
  },
  'tags-disable': {
    type: 'choice',
    choices: ['plus-addresses', 'x-tags'],
    list: true,
    otherwise: 'none',
    variables: ['MP_TAGS_DISABLE'],
    describe: 'Tags that mail does not get: those of user+tag@ addresses, or of X-Tags fields',
    group: 'Inbox',
  },
} as const satisfies OptionTable;

type InboxOptions = OptionValues<typeof INBOX_OPTIONS>;

/** Throws BAD_OPTION for a rule that makes no sense. */
export function inboxSettings(options: InboxOptions): InboxSettings {
  const disabled = new Set<string>(options.tagsDisable ?? []);
  return {
    limits: { max: options.max, bytes: options.maxTotalSize, ageMs: options.maxAge },
    tagRules: (options.tag ?? []).map(tagRule),
    plusTags: !disabled.has('plus-addresses'),
    headerTags: !disabled.has('x-tags'),
  };
}

function tagRule(rule: string): InboxSettings['tagRules'][number] {
  const equals = rule.indexOf('=');
  try {
    const tag = checkTag(rule.slice(0, equals));
    return { tag, query: parseSearch(rule.slice(equals + 1), { now: Date.now() }) };
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    throw new ChatError('BAD_OPTION', `--tag ${JSON.stringify(rule)}: ${error.message}`, { rule }, error);
  }
}
