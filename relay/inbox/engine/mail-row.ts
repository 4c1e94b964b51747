// What is kept of a mail for lists and searches, made of its envelope and of what reading it gave. Knows no database:
// another engine would keep the same.
import { foldAddress } from '../../queue/address-pattern.ts';
import type { InboxRow } from '../../store/sqlite-protocol.ts';
import type { InboxSummary } from '../inbox.ts';
import { type MailSummary, summarise } from '../parse-mail.ts';
import type { HeaderField, Mailbox, ParsedMail } from '../parsed-mail.ts';

/** Characters of the text that are searched. */
const MAX_BODY = 100_000;
/** Characters of one other field: an address list, a subject. */
const MAX_FIELD = 65_536;
const MAX_HEADER_VALUE = 2000;
/** Characters of all header fields. */
const MAX_HEADERS = 32_768;
/** Mailboxes of one list, and characters of a subject, that lists show. */
const MAX_SHOWN = 1000;

/** A message as the store has it. */
export interface StoredMail {
  readonly seq: number;
  readonly id: string;
  readonly receivedAt: number;
  readonly size: number;
  readonly sender: string;
  readonly username: string;
  readonly port: number | null;
  /** Those that are captured. */
  readonly recipients: readonly string[];
}

/** What the row keeps as JSON: the rest of a summary is in columns. */
export type KeptSummary = Omit<
  InboxSummary,
  'seq' | 'namespace' | 'read' | 'tags' | 'receivedAt' | 'size' | 'attachments' | 'inlines'
>;

/** What the envelope tells of a mail that is not read, or cannot be. */
export function envelopeSummary({ id, username, sender, recipients }: StoredMail): KeptSummary {
  const mailbox = (address: string): Mailbox => ({ name: '', address });
  return {
    ...{ id, username, sender, recipients, parsed: false, messageId: '' },
    from: sender === '' ? null : mailbox(sender),
    to: recipients.map(mailbox),
    ...{ cc: [], bcc: [], replyTo: [], subject: '', snippet: '' },
  };
}

/** As it is shown with the mail itself: bcc with every recipient that no header names. */
export function mailSummary(
  stored: StoredMail,
  mail: ParsedMail,
  { snippet }: Pick<MailSummary, 'snippet'>,
): KeptSummary {
  const { id, username, sender, recipients } = stored;
  const shown = (list: readonly Mailbox[]): readonly Mailbox[] => list.slice(0, MAX_SHOWN);
  return {
    ...{ id, username, sender, recipients, parsed: true, messageId: mail.messageId, from: mail.from },
    to: shown(mail.to),
    cc: shown(mail.cc),
    bcc: shown(allBcc(mail, recipients)),
    replyTo: shown(mail.replyTo),
    subject: mail.subject.slice(0, MAX_SHOWN),
    snippet,
  };
}

function allBcc(mail: ParsedMail, recipients: readonly string[]): Mailbox[] {
  const named = new Set([...mail.to, ...mail.cc, ...mail.bcc].map(({ address }) => foldAddress(address)));
  const unnamed = recipients.filter((address) => !named.has(foldAddress(address)));
  return [...mail.bcc, ...unnamed.map((address) => ({ name: '', address }))];
}

/** `mail` is null for one that is shown as its envelope. */
export function inboxRow(
  stored: StoredMail,
  mail: ParsedMail | null,
  place: { namespace: string; tags: string[] },
): InboxRow {
  const read = mail && summarise(mail);
  const summary = mail && read ? mailSummary(stored, mail, read) : envelopeSummary(stored);
  const body = clean(read?.body.slice(0, MAX_BODY) ?? '');
  const names = mail === null ? [] : [...mail.attachments, ...mail.inline].map(({ fileName }) => fileName);
  return [
    ...([stored.seq, place.namespace, mail?.attachments.length ?? 0, mail?.inline.length ?? 0, place.tags] as const),
    JSON.stringify(summary),
    searchable(mailboxesText(summary.from === null ? [] : [summary.from])),
    searchable(mailboxesText(mail?.to ?? summary.to)),
    searchable(mailboxesText(mail?.cc ?? [])),
    searchable(mailboxesText(mail === null ? [] : allBcc(mail, stored.recipients))),
    searchable(mailboxesText(mail?.replyTo ?? [])),
    searchable(mail?.subject ?? ''),
    searchable(summary.messageId),
    searchable(JSON.stringify(stored.recipients.map(foldAddress))),
    searchable([...names, stored.sender, mail?.returnPath ?? ''].join('\n')),
    mail === null ? '[]' : headersText(mail.headers),
    foldedBody(body),
    body,
  ];
}

/** Every address in angle brackets, and no bracket elsewhere: `<a@b>` is found only where it is the whole address. */
export function mailboxesText(mailboxes: readonly Mailbox[]): string {
  return mailboxes
    .map(({ name, address }) => {
      const plain = name.replace(/[<>]/g, '');
      return address === '' ? plain : `${plain}${plain && ' '}<${foldAddress(address)}>`;
    })
    .join(', ');
}

/** Half of a character and NUL cannot be stored as text. */
export function clean(text: string): string {
  return text.replace(/[\0\ud800-\udfff]/gu, '\ufffd');
}

/** As texts are compared in a search. */
export function fold(text: string): string {
  return text.toLowerCase();
}

function searchable(text: string): string {
  return fold(clean(text.slice(0, MAX_FIELD)));
}

/** Null where SQLite itself compares as well. */
function foldedBody(body: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (!/[^\x00-\x7f]/.test(body)) return null;
  const folded = fold(body);
  return folded === body.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) ? null : folded;
}

function headersText(headers: readonly HeaderField[]): string {
  const kept: [string, string][] = [];
  let characters = 0;
  for (const { name, value } of headers) {
    const field: [string, string] = [fold(clean(name)), fold(clean(value.slice(0, MAX_HEADER_VALUE)))];
    characters += field[0].length + field[1].length;
    if (characters > MAX_HEADERS) break;
    kept.push(field);
  }
  return JSON.stringify(kept);
}
