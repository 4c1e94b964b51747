// Reads a mail: bytes in, the shapes of parsed-mail.ts out. Nothing that a mail can be makes it fail: what is broken is
// read as far as it goes. Time and memory are linear in the mail's size.
//
// postal-mime decodes encoded words, charsets and address lists. The tree and its bytes are read by mime-tree.ts, since
// parts need names by which they can be opened and checksums that are those of the files.
import { addressParser } from 'postal-mime';
import { collapseBlanks, htmlToText } from './html-text.ts';
import type { PartContent } from './inbox.ts';
import { parseMailDate } from './mail-date.ts';
import { checksumsOf, contentOf, fileNameOf, leafType, sortParts } from './mail-parts.ts';
import { decodeHeaderText, mendControls } from './mime-body.ts';
import { entitiesOf, type MimeEntity, readTree } from './mime-tree.ts';
import type { HeaderField, Mailbox, MimeNode, ParsedMail } from './parsed-mail.ts';

/** Longer lists of addresses are cut. */
const MAX_ADDRESS_FIELD = 1024 * 1024;
const MAX_TAGS = 100;
const MAX_TAG = 100;
/** Characters of text that are searched; about what an hour's reading has. */
const MAX_SEARCHED = 1024 * 1024;
const SNIPPET = 200;

/** Never rejects. */
export async function parseMail(bytes: Uint8Array): Promise<ParsedMail> {
  const buffer = asBuffer(bytes);
  const root = readTree(buffer);
  const headers = root.fields.map(({ name, raw }): HeaderField => ({ name, raw, value: decodeHeaderText(raw) }));
  const first = (name: string) => headers.find((field) => field.name.toLowerCase() === name);
  const mailboxes = (name: string) =>
    headers.filter((field) => field.name.toLowerCase() === name).flatMap((field) => parseMailboxes(field.raw));
  const from = first('from');
  const { text, html, inline, attachments } = sortParts(buffer, root);
  return {
    headers,
    messageId: bare(first('message-id')?.value ?? ''),
    // Who writes `From: the robot` is shown by what he says, as Mailpit does.
    from: from === undefined ? null : (parseMailboxes(from.raw)[0] ?? { name: from.value, address: '' }),
    to: mailboxes('to'),
    cc: mailboxes('cc'),
    bcc: mailboxes('bcc'),
    replyTo: mailboxes('reply-to'),
    returnPath: bare(first('return-path')?.value ?? ''),
    subject: first('subject')?.value ?? '',
    date: parseMailDate(first('date')?.raw ?? ''),
    text: text === '' && html !== '' ? htmlToText(html, { marks: true }) : text,
    html,
    inline,
    attachments,
    tree: treeNode(root),
    tags: tagsOf(headers),
  };
}

/** The leaf with this id, decoded; undefined when there is none. */
export async function openPart(bytes: Uint8Array, partId: string): Promise<PartContent | undefined> {
  const buffer = asBuffer(bytes);
  for (const entity of entitiesOf(readTree(buffer))) {
    if (entity.partId !== partId || entity.children.length > 0) continue;
    const content = contentOf(buffer, entity);
    return {
      partId,
      fileName: fileNameOf(entity),
      contentType: leafType(entity),
      contentId: entity.contentId,
      bytes: content,
      checksums: checksumsOf(content),
    };
  }
  return undefined;
}

export interface MailSummary {
  /** The beginning of what is to be read, on one line; with `...` when there is more. */
  readonly snippet: string;
  /** All that is to be read, on one line: of the HTML, or else of the text. */
  readonly body: string;
  /** What a word without a filter is looked for in; blanks collapsed, case as written. */
  readonly searchText: string;
}

export function summarise(mail: ParsedMail): MailSummary {
  const visible = mail.html === '' ? '' : oneLine(htmlToText(mail.html, { limit: MAX_SEARCHED }));
  const body = visible === '' ? oneLine(mail.text.slice(0, MAX_SEARCHED)) : visible;
  const people = [mail.to, mail.cc, mail.bcc, mail.replyTo].flat().map(formatMailbox);
  const names = [...mail.attachments, ...mail.inline].map(({ fileName }) => fileName);
  const from = mail.from === null ? '' : formatMailbox(mail.from);
  return {
    snippet: shorten(body, SNIPPET),
    body,
    searchText: oneLine([from, mail.subject, ...people, mail.returnPath, body, ...names].join(' ')),
  };
}

/** The mailboxes of an address list (RFC 5322 3.4), those of groups among them. Never throws. */
export function parseMailboxes(list: string): Mailbox[] {
  return addressParser(list.slice(0, MAX_ADDRESS_FIELD), { flatten: true }).flatMap(({ name, address }) =>
    name === '' && (address ?? '') === '' ? [] : [{ name: mendControls(name), address: address ?? '' }],
  );
}

export function formatMailbox({ name, address }: Mailbox): string {
  if (address === '') return name;
  return name === '' ? address : `${name} <${address}>`;
}

function treeNode(entity: MimeEntity): MimeNode {
  // The tree is MAX_DEPTH deep at most.
  return {
    partId: entity.partId,
    contentType: entity.type,
    contentTypeHeader: entity.typeHeader,
    encoding: entity.encoding,
    disposition: entity.disposition,
    fileName: entity.fileName,
    contentId: entity.contentId,
    size: entity.bodyEnd - entity.bodyStart,
    children: entity.children.map(treeNode),
  };
}

function tagsOf(headers: readonly HeaderField[]): string[] {
  const tags = new Map<string, string>();
  for (const { name, value } of headers) {
    if (name.toLowerCase() !== 'x-tags') continue;
    for (const each of value.split(',')) {
      const tag = oneLine(each).slice(0, MAX_TAG);
      if (tag !== '' && tags.size < MAX_TAGS && !tags.has(tag.toLowerCase())) tags.set(tag.toLowerCase(), tag);
    }
  }
  return [...tags.values()];
}

function bare(value: string): string {
  return /<([^<>]*)>/.exec(value)?.[1]?.trim() ?? value.trim();
}

function oneLine(text: string): string {
  return collapseBlanks(text).trim();
}

/** As Mailpit cuts, but never inside of a character. */
function shorten(text: string, limit: number): string {
  return text.length <= limit
    ? text
    : `${text.slice(0, limit + 1).replace(/(?:[\ud800-\udbff][\udc00-\udfff]|[\s\S])$/, '')}...`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
