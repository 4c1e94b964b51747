// Lint of a mail's header: RFC 5322 and what comes with it.
import { isAscii } from 'node:buffer';
import { parseMailDate } from '../mail-date.ts';
import { parseMailboxes } from '../parse-mail.ts';
import type { LintContext } from './lint.ts';
import { unsubscribeOf } from './unsubscribe.ts';

/** RFC 5322 3.6: these stand there once at most. */
const ONCE =
  'Date From Sender Reply-To To Cc Bcc Message-ID In-Reply-To References Subject MIME-Version Content-Type Content-Transfer-Encoding';
const ADDRESS_FIELDS = ['From', 'Sender', 'Reply-To', 'To', 'Cc', 'Bcc'];
const DAY_MS = 86_400_000;
const ATOM = "[\\w!#$%&'*+/=?^`{|}~\\u0080-\\uffff-]+";
/** A local part with blanks was in quotes: who reads address lists takes them away. */
const ADDRESS = new RegExp(
  `^(?:${ATOM}(?:\\.${ATOM})*|"(?:[^"\\\\]|\\\\.)+"|[^"@<>()\\\\,;:]* [^"@<>()\\\\,;:]*)@(?:[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]*[\\p{L}\\p{N}])?(?:\\.[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]*[\\p{L}\\p{N}])?)*|\\[[0-9A-Fa-f:.v]+\\])$`,
  'u',
);

export function lintHeader(context: LintContext): void {
  const { root, report, bytes } = context;
  const fields = new Map<string, string[]>();
  for (const { name, raw } of root.fields) {
    const known = name.toLowerCase();
    fields.set(known, [...(fields.get(known) ?? []).slice(0, 99), raw]);
  }
  const all = (name: string) => fields.get(name.toLowerCase()) ?? [];

  if (bytes.length === 0) report('error', 'empty', 'header', 'RFC 5322 3.6', 'the mail has no bytes at all');
  for (const at of root.header.broken)
    report('error', 'stray-line', () => lineAt(bytes, at), 'RFC 5322 2.2', 'a line between the fields is none');
  if (!root.header.isClosed && root.header.bodyStart < bytes.length)
    report(
      'error',
      'no-empty-line',
      () => lineAt(bytes, root.header.bodyStart),
      'RFC 5322 2.1',
      'no empty line stands between header and body',
    );
  for (const name of ONCE.split(' ')) {
    const times = all(name).length;
    if (times > 1)
      report('error', 'several-fields', name, 'RFC 5322 3.6', `${name} stands there ${times} times; once is allowed`);
  }
  lintDate(context, all('Date'));
  lintSender(context, all);
  lintIds(context, all);
  for (const name of ADDRESS_FIELDS) for (const value of all(name)) lintAddresses(context, name, value);
  if ([...all('To'), ...all('Cc'), ...all('Bcc')].length === 0)
    report(
      'warning',
      'no-recipient',
      'header',
      'RFC 5322 3.6.3',
      'there is no To, Cc or Bcc: filters take that for spam',
    );
  if (all('Bcc').some((value) => value !== ''))
    report('warning', 'bcc', 'Bcc', 'RFC 5322 3.6.3', 'Bcc is in the mail, where everybody can read it');
  if ((all('Subject')[0] ?? '') === '')
    report('info', 'no-subject', 'Subject', 'RFC 5322 3.6.5', 'the mail has no subject');
  if (all('MIME-Version').length === 0 && [...fields.keys()].some((name) => name.startsWith('content-')))
    report(
      'warning',
      'no-mime-version',
      'header',
      'RFC 2045 4',
      'MIME-Version is missing: some readers will not look at Content-Type',
    );
  const headerBytes = bytes.subarray(0, root.header.bodyStart);
  if (!isAscii(headerBytes)) {
    report(
      'warning',
      'raw-8bit-header',
      'header',
      'RFC 6532',
      'the header holds characters beyond ASCII: only servers with SMTPUTF8 take it',
    );
  }
  for (const { name, raw } of root.fields) {
    if (
      /=\?[^?\s]{1,40}\?[bq]\?[^?\s]{60,}\?=/i.test(raw) &&
      (/=\?[^?\s]+\?[bq]\?[^?\s]*\?=/i.exec(raw)?.[0].length ?? 0) > 75
    )
      report(
        'info',
        'long-encoded-word',
        name,
        'RFC 2047 2',
        `an encoded word in ${name} is longer than 75 characters`,
      );
  }
  lintList(context, all);
}

function lintDate({ report, now }: LintContext, dates: readonly string[]): void {
  const [date] = dates;
  if (date === undefined) {
    report('error', 'no-date', 'header', 'RFC 5322 3.6', 'Date is missing');
    return;
  }
  const time = parseMailDate(date);
  if (time === null)
    report('error', 'bad-date', 'Date', 'RFC 5322 3.3', `Date is none that can be read: ${show(date)}`);
  else if (time > now + DAY_MS)
    report('warning', 'future-date', 'Date', 'RFC 5322 3.6.1', `Date is more than a day ahead: ${show(date)}`);
  else if (/^\d{4}-/.test(date.trim()))
    report('error', 'bad-date', 'Date', 'RFC 5322 3.3', `Date is not written as mail does: ${show(date)}`);
}

function lintSender({ report }: LintContext, all: (name: string) => readonly string[]): void {
  const [from] = all('From');
  if (from === undefined) report('error', 'no-from', 'header', 'RFC 5322 3.6', 'From is missing');
  else if (parseMailboxes(from).length > 1 && all('Sender').length === 0)
    report(
      'error',
      'no-sender',
      'From',
      'RFC 5322 3.6.2',
      'From has several mailboxes, and no Sender says who sent it',
    );
}

function lintIds({ report }: LintContext, all: (name: string) => readonly string[]): void {
  const [id] = all('Message-ID');
  if (id === undefined) report('warning', 'no-message-id', 'header', 'RFC 5322 3.6.4', 'Message-ID is missing');
  else if (!/^<[^<>@\s]+@[^<>@\s]+>$/.test(id.trim()))
    report(
      'warning',
      'bad-message-id',
      'Message-ID',
      'RFC 5322 3.6.4',
      `Message-ID is not <something@somewhere>: ${show(id)}`,
    );
}

function lintAddresses({ report }: LintContext, name: string, value: string): void {
  if (value.trim() === '') {
    if (name !== 'Bcc') report('error', 'bad-address', name, 'RFC 5322 3.4', `${name} is empty`);
    return;
  }
  for (const { name: shown, address } of parseMailboxes(value).slice(0, 10_000)) {
    if (address === '')
      report('error', 'bad-address', name, 'RFC 5322 3.4', `${show(shown)} in ${name} has no address`);
    else if (address.length > 254 || address.lastIndexOf('@') > 64 || !ADDRESS.test(address))
      report('error', 'bad-address', name, 'RFC 5322 3.4.1', `${show(address)} in ${name} is no address`);
  }
}

function lintList({ root, report }: LintContext, all: (name: string) => readonly string[]): void {
  const isBulk = all('List-Id').length > 0 || /\b(?:bulk|list)\b/i.test(all('Precedence')[0] ?? '');
  const { header, headerPost, links, errors } = unsubscribeOf(
    root.fields.map(({ name, raw }) => ({ name, raw, value: raw })),
  );
  if (errors !== '') report('error', 'bad-list-unsubscribe', 'List-Unsubscribe', 'RFC 2369 3.2', errors);
  if (header === '' && isBulk)
    report('warning', 'no-list-unsubscribe', 'header', 'RFC 2369 3.2', 'a mail to a list should have List-Unsubscribe');
  if (header !== '' && headerPost === '') {
    const how = links.some((link) => /^https:/i.test(link))
      ? 'add List-Unsubscribe-Post'
      : 'add an https:// link and List-Unsubscribe-Post';
    report(
      'warning',
      'no-one-click',
      'List-Unsubscribe',
      'RFC 8058 3.1',
      `large mail providers ask for one-click unsubscription: ${how}`,
    );
  }
}

/** `line 17`, counted from 1. */
export function lineAt(bytes: Buffer, offset: number): string {
  let line = 1;
  for (let at = bytes.indexOf(10); at !== -1 && at < offset; at = bytes.indexOf(10, at + 1)) line++;
  return `line ${line}`;
}

export function show(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
