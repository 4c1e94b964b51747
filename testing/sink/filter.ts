// Which mail a test means: each field of a filter is a condition with a name, so that what is missing can be told. What
// the list of mails knows is tried first; only what passes is read whole.
import type { Mailbox } from '../../relay/inbox/parsed-mail.ts';
import { foldAddress, matchesPattern, parseAddressPattern } from '../../relay/queue/address-pattern.ts';
import { ChatError } from '../../src/errors.ts';
import { nearest } from '../../src/nearest.ts';
import { escapeControls } from '../../src/redact.ts';
import type { Listed } from './backend.ts';
import type { Mail } from './mail.ts';

/** A text is looked for whatever its case, with blanks and line ends collapsed; '' means an empty one. */
export type TextMatch = string | RegExp | ((text: string) => boolean);

/**
 * A text with an @ is an address or a pattern of some, `@example.com`, `*+tag@*`; another one a part of the name or the
 * address. A regular expression is tried on `a@b.example` and on `Name <a@b.example>`.
 */
export type AddressMatch = string | RegExp | ((mailbox: Mailbox) => boolean);

/** Every field that stands there must hold. */
export interface MailFilter {
  /** Anybody who got it: To, Cc, Bcc and the recipients of the envelope. */
  readonly to?: AddressMatch;
  /** From, or the sender of the envelope. */
  readonly from?: AddressMatch;
  readonly cc?: AddressMatch;
  readonly subject?: TextMatch;
  readonly text?: TextMatch;
  readonly html?: TextMatch;
  /** By field name: one of its values; `true` for any value, `false` for a mail without the field. */
  readonly header?: Readonly<Record<string, TextMatch | boolean>>;
  /** The file name of an attachment; `true` for any attachment, `false` for none. */
  readonly attachment?: TextMatch | boolean;
  /** In the search language of the inbox, `has:attachment -subject:re`. */
  readonly query?: string;
  /** Anything else. What it throws ends the wait. */
  readonly where?: (mail: Mail) => boolean | Promise<boolean>;
}

export interface Condition {
  /** `to bob@example.com`, `subject /code/`. */
  readonly says: string;
  /** Undefined when only the whole mail can tell. */
  readonly listed?: (mail: Listed) => boolean;
  readonly whole?: (mail: Mail) => boolean | Promise<boolean>;
}

const FIELDS: { readonly [K in keyof Required<Omit<MailFilter, 'query'>>]: (match: never) => Condition[] } = {
  to: (match: AddressMatch) => [
    people('to', match, ({ to, cc, bcc, recipients }) => [...to, ...cc, ...bcc, ...bare(recipients)]),
  ],
  from: (match: AddressMatch) => [
    people('from', match, ({ from, sender }) => [...(from ? [from] : []), ...bare([sender])]),
  ],
  cc: (match: AddressMatch) => [people('cc', match, ({ cc }) => cc)],
  subject: (match: TextMatch) => {
    const test = textTest(match);
    return [{ says: `subject ${shown(match)}`, listed: ({ subject }) => test(subject) }];
  },
  text: (match: TextMatch) => [textOf('text', match)],
  html: (match: TextMatch) => [textOf('html', match)],
  header: (given: Readonly<Record<string, TextMatch | boolean>>) =>
    Object.entries(given).map(([name, match]) => ({
      says: `header ${name} ${shown(match)}`,
      whole: ({ headers }) => oneOf(match, headers.all(name)),
    })),
  attachment: (match: TextMatch | boolean) => [
    {
      says: `attachment ${shown(match)}`,
      ...(typeof match === 'boolean' ? { listed: ({ attachments }: Listed) => attachments > 0 === match } : {}),
      whole: ({ attachments }) =>
        oneOf(
          match,
          attachments.map(({ fileName }) => fileName),
        ),
    },
  ],
  where: (test: (mail: Mail) => boolean | Promise<boolean>) => [
    { says: `where ${shown(test)}`, whole: (mail) => test(mail) },
  ],
};

/** Throws ChatError BAD_OPTION: a field that is written wrong would otherwise find every mail. */
export function conditionsOf(filter: MailFilter): Condition[] {
  return Object.entries(filter).flatMap(([name, match]) => {
    if (match === undefined || name === 'query') return [];
    if (!Object.hasOwn(FIELDS, name)) {
      const known = [...Object.keys(FIELDS), 'query'];
      const meant = nearest(name, known);
      const hint = meant === undefined ? `there are ${known.join(', ')}` : `did you mean ${meant}?`;
      throw new ChatError('BAD_OPTION', `a mail filter has no field ${JSON.stringify(name)}; ${hint}`);
    }
    return FIELDS[name as keyof typeof FIELDS](match as never);
  });
}

/** `to bob@example.com with subject "x"`, or '' for any mail. */
export function filterText(filter: MailFilter): string {
  const parts = conditionsOf(filter).map(({ says }) => says);
  return [...parts, ...(filter.query ? [`query ${JSON.stringify(filter.query)}`] : [])].join(', ');
}

export async function holds(condition: Condition, listed: Listed, whole: () => Promise<Mail | null>): Promise<boolean> {
  if (condition.listed !== undefined) return condition.listed(listed);
  const mail = await whole();
  return mail !== null && (await condition.whole!(mail));
}

export function addressTest(match: AddressMatch): (mailbox: Mailbox) => boolean {
  if (typeof match === 'function') return match;
  if (typeof match !== 'string') {
    const regex = stateless(match);
    return ({ name, address }) => regex.test(address) || (name !== '' && regex.test(`${name} <${address}>`));
  }
  const text = /<([^<>]+)>\s*$/.exec(match)?.[1] ?? match.trim();
  const pattern = text === '' ? null : parseAddressPattern(text);
  if (pattern !== null) return ({ address }) => matchesPattern(pattern, foldAddress(address));
  const part = collapsed(text);
  if (part === '') return ({ address }) => address === '';
  return ({ name, address }) => collapsed(name).includes(part) || collapsed(address).includes(part);
}

export function textTest(match: TextMatch): (text: string) => boolean {
  if (typeof match === 'function') return match;
  if (typeof match !== 'string') {
    const regex = stateless(match);
    return (text) => regex.test(text);
  }
  const part = collapsed(match);
  return part === '' ? (text) => text.trim() === '' : (text) => collapsed(text).includes(part);
}

export function shown(match: TextMatch | AddressMatch | boolean | ((mail: Mail) => unknown)): string {
  if (typeof match === 'string') return /^[^\s"]+@[^\s"]+$/.test(match) ? match : JSON.stringify(match);
  const text = escapeControls(String(match).replaceAll(/\s+/g, ' '));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function people(field: string, match: AddressMatch, of: (mail: Listed) => readonly Mailbox[]): Condition {
  const test = addressTest(match);
  return { says: `${field} ${shown(match)}`, listed: (mail) => of(mail).some(test) };
}

function textOf(field: 'text' | 'html', match: TextMatch): Condition {
  const test = textTest(match);
  return { says: `${field} ${shown(match)}`, whole: (mail) => test(mail[field]) };
}

function oneOf(match: TextMatch | boolean, values: readonly string[]): boolean {
  return typeof match === 'boolean' ? values.length > 0 === match : values.some(textTest(match));
}

function bare(addresses: readonly string[]): Mailbox[] {
  return addresses.map((address) => ({ name: '', address }));
}

function collapsed(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().toLowerCase();
}

/** One that remembers where it was would find every second mail. */
function stateless(match: RegExp): RegExp {
  return new RegExp(match.source, match.flags.replaceAll(/[gy]/g, ''));
}
