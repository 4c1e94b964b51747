// The search language as this page tells of it: the filters, what each does, and which of them fit a word that is being
// written. The same table is the help on searching.
import { tags } from './mailbox.ts';

export interface Suggestion {
  /** What takes the place of the word. */
  readonly insert: string;
  readonly title: string;
}

export interface Filter extends Suggestion {
  readonly example?: string;
}

export const FILTERS: readonly Filter[] = [
  { insert: 'from:', title: 'Sender has this in it', example: 'from:billing@' },
  { insert: 'to:', title: 'To has this in it; := for the whole address', example: 'to:=jo@example.com' },
  { insert: 'cc:', title: 'Cc has this in it' },
  { insert: 'bcc:', title: 'Bcc has this in it' },
  { insert: 'reply-to:', title: 'Reply-To has this in it' },
  { insert: 'addressed:', title: 'Any of the addresses has this in it' },
  { insert: 'rcpt:', title: 'Recipient of the envelope; * stands for anything', example: 'rcpt:*@example.com' },
  { insert: 'subject:', title: 'Subject has this in it', example: 'subject:"reset your password"' },
  { insert: 'body:', title: 'Text or HTML has this in it', example: 'body:invoice' },
  { insert: 'header:', title: 'A header field, or its value', example: 'header:X-Run=17' },
  { insert: 'message-id:', title: 'Message-ID has this in it' },
  { insert: 'tag:', title: 'Has this tag', example: 'tag:staging' },
  { insert: 'ns:', title: 'In this namespace', example: 'ns:checkout-tests' },
  { insert: 'is:unread', title: 'Not read yet' },
  { insert: 'is:read', title: 'Read' },
  { insert: 'is:tagged', title: 'Has any tag' },
  { insert: 'has:attachment', title: 'Has attachments' },
  { insert: 'has:inline', title: 'Has parts that it shows inline' },
  { insert: 'after:', title: 'Received at this time or later', example: 'after:2026-11-01' },
  { insert: 'before:', title: 'Received before', example: 'before:"2026-11-01 12:00"' },
  { insert: 'larger:', title: 'Larger than', example: 'larger:2mb' },
  { insert: 'smaller:', title: 'Smaller than', example: 'smaller:10k' },
];

/** How terms go together. */
export const SYNTAX: readonly (readonly [example: string, title: string])[] = [
  ['invoice paid', 'both words, anywhere in the mail, whatever the case'],
  ['"invoice paid"', 'these words in a row'],
  ['-invoice  !is:read', 'not'],
  ['from:a OR (to:b cc:c)', 'either; parentheses group'],
  ['/code: \\d{6}/i', 'a regular expression; subject:/.../ for one field'],
];

const SHOWN = 8;

export function suggestionsFor(text: string): Suggestion[] {
  const word = lastWord(text).toLowerCase();
  if (word.startsWith('"') || word.startsWith('/')) return [];
  if (word.startsWith('tag:')) {
    return tags.value
      .filter((tag) => tag.toLowerCase().startsWith(word.slice(4).replace('"', '')))
      .slice(0, SHOWN)
      .map((tag) => ({ insert: `tag:${/\s/.test(tag) ? `"${tag}"` : tag}`, title: 'Has this tag' }))
      .filter(({ insert }) => insert.toLowerCase() !== word);
  }
  // Without a word: what is asked for most.
  if (word === '')
    return text === '' ? FILTERS.filter(({ insert }) => /^(from|to|subject|is:unread|has:att|tag)/.test(insert)) : [];
  return FILTERS.filter(({ insert }) => insert.startsWith(word) && insert !== word).slice(0, SHOWN);
}

export function takeSuggestion(text: string, insert: string): string {
  const start = text.slice(0, text.length - lastWord(text).length);
  return `${start}${insert}${insert.endsWith(':') ? '' : ' '}`;
}

function lastWord(text: string): string {
  // A sign before it, or a parenthesis, stays.
  return /(?:^|[\s(])[-!]?([^\s(]*)$/.exec(text)?.[1] ?? '';
}
