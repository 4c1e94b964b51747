// A mail in the shape in which smtp-tester hands it to handlers: mailparser's, as far as suites look at it.

import { parseMailDate } from '../../relay/inbox/mail-date.ts';
import { parseStructured } from '../../relay/inbox/mime-header.ts';
import type { HeaderField } from '../../relay/inbox/parsed-mail.ts';
import type { Attachment, Mail } from '../sink/mail.ts';

/** Fields with parameters are objects, Date is a date, what stands there several times an array. */
export type EmailHeader =
  | string
  | Date
  | { readonly value: string; readonly params: Readonly<Record<string, string>> }
  | readonly string[];

export interface EmailAttachment {
  readonly type: 'attachment';
  readonly filename: string;
  readonly contentType: string;
  readonly contentDisposition: 'inline' | 'attachment';
  readonly content: Buffer;
  /** Bytes. */
  readonly size: number;
  /** MD5, in hexadecimal. */
  readonly checksum: string;
  /** The HTML shows it. */
  readonly related: boolean;
  /** With and without the angle brackets. */
  readonly contentId?: string;
  readonly cid?: string;
}

export interface EmailInfo {
  /** Of the envelope. */
  readonly sender: string;
  /** Of the envelope: the addresses as they were written. */
  readonly receivers: Readonly<Record<string, true>>;
  /** The source, without the line end at its end. */
  readonly data: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, EmailHeader>>;
  /** The text; undefined when there is none. */
  readonly body: string | undefined;
  /** False when there is none. */
  readonly html: string | false;
  readonly attachments: readonly EmailAttachment[];
}

/** mailparser gives these as objects. */
const STRUCTURED: ReadonlySet<string> = new Set(['content-type', 'content-disposition', 'dkim-signature']);

export async function emailOf(mail: Mail): Promise<EmailInfo> {
  const inline = mail.inline.map((part) => attachmentOf(part, true));
  const [data, ...attachments] = await Promise.all([
    mail.raw(),
    ...mail.attachments.map((part) => attachmentOf(part, false)),
    ...inline,
  ]);
  const { text, html } = mail;
  return {
    sender: mail.envelope.from,
    receivers: Object.fromEntries(mail.envelope.to.map((address) => [address, true as const])),
    data: data.toString('utf8').replace(/\r\n$/, ''),
    headers: headersOf(mail),
    body: text === '' ? undefined : plain(text),
    html: html === '' ? false : plain(html),
    attachments,
  };
}

async function attachmentOf(part: Attachment, related: boolean): Promise<EmailAttachment> {
  const { contentId } = part;
  return {
    type: 'attachment',
    filename: part.fileName,
    contentType: part.contentType,
    contentDisposition: part.disposition,
    content: await part.content(),
    size: part.size,
    checksum: part.checksums.md5,
    related,
    ...(contentId === '' ? {} : { contentId: `<${contentId}>`, cid: contentId }),
  };
}

function headersOf({ headers }: Mail): Record<string, EmailHeader> {
  return Object.fromEntries([...headers.keys()].map((name) => [name, headerOf(name, headers.all(name))]));
}

function headerOf(name: HeaderField['name'], values: readonly string[]): EmailHeader {
  const [first = ''] = values;
  if (name === 'date') {
    const time = parseMailDate(first);
    return time === null ? first : new Date(time);
  }
  if (STRUCTURED.has(name)) {
    const { value, parameters } = parseStructured(first);
    return { value, params: Object.fromEntries(parameters) };
  }
  return values.length === 1 ? first : values;
}

/** As mailparser gives it: line feeds only, and none at the end. */
function plain(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(/\n$/, '');
}
