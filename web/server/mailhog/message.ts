// A mail as MailHog writes it: everything undecoded, in the strings that stand in the source. Its clients decode.
import type { StoredMessage } from '../../../relay/store/store.ts';

export interface Content {
  readonly Headers: Record<string, string[]>;
  readonly Body: string;
  readonly Size: number;
  readonly MIME: { readonly Parts: Content[] } | null;
}

/** Behind the id, where MailHog has its host name; ids with and without it are understood. */
const HOST = 'lonedot';
const MAX_DEPTH = 20;
const MAX_PARTS = 10_000;

export function mailHogId(id: string): string {
  return `${id}@${HOST}`;
}

/** The store's id of one of MailHog's. */
export function storeId(id: string): string {
  return id.split('@', 1)[0]!;
}

export function messageShape(message: StoredMessage, source: string) {
  const { sender, helo, receivedAt } = message;
  const content = contentOf(source, 0);
  const id = mailHogId(message.id);
  const has = (name: string) => Object.keys(content.Headers).some((key) => key.toLowerCase() === name);
  if (!has('message-id')) content.Headers['Message-ID'] = [id];
  const at = new Date(receivedAt).toUTCString().replace('GMT', '+0000');
  if (!has('received'))
    Object.assign(content.Headers, { Received: [`from ${helo} by ${HOST}\r\n          id ${id}; ${at}`] });
  if (!has('return-path')) content.Headers['Return-Path'] = [`<${sender}>`];
  const to = message.recipients.map(({ address }) => address);
  return {
    ID: id,
    From: pathOf(sender),
    To: to.map(pathOf),
    // The parts stand beside the content, not in it; only parts have parts of their own.
    Content: { ...content, MIME: null },
    Created: new Date(receivedAt).toISOString(),
    MIME: content.MIME,
    Raw: { From: sender, To: to, Data: source, Helo: helo },
  };
}

/** Header, body, and the parts of a multipart, as far as it goes. */
export function contentOf(source: string, depth: number): Content {
  const end = source.indexOf('\r\n\r\n');
  const head = end === -1 ? '' : source.slice(0, end);
  const body = end === -1 ? source : source.slice(end + 4);
  const headers = headersOf(head);
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1][0] ?? '';
  const isMultipart = /^multipart\//i.test(type) && depth < MAX_DEPTH;
  return {
    Headers: headers,
    Body: body,
    Size: source.length,
    MIME: isMultipart ? { Parts: partsOf(body, boundaryOf(type), depth) } : null,
  };
}

function headersOf(head: string): Record<string, string[]> {
  const headers = Object.create(null) as Record<string, string[]>;
  let last: string[] | null = null;
  for (const line of head.split('\r\n')) {
    if (/^[ \t]/.test(line)) {
      if (last) last[last.length - 1] += line;
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 1) continue;
    last = headers[line.slice(0, colon)] ??= [];
    last.push(line.slice(colon + 1).replace(/^ /, ''));
  }
  return headers;
}

function boundaryOf(type: string): string {
  const [, quoted, bare] = /;\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;]+))/i.exec(type) ?? [];
  return quoted ?? bare ?? '';
}

function partsOf(body: string, boundary: string, depth: number): Content[] {
  if (boundary === '') return [];
  const mark = `--${boundary}`;
  const parts: Content[] = [];
  let from = lineStart(body, mark, 0);
  while (from !== -1 && parts.length < MAX_PARTS) {
    from += mark.length;
    if (body.startsWith('--', from)) break;
    const to = lineStart(body, mark, from);
    const part = body
      .slice(from, to === -1 ? undefined : to)
      .replace(/^[ \t]*\r\n/, '')
      .replace(/\r\n$/, '');
    parts.push(contentOf(part, depth + 1));
    from = to;
  }
  return parts;
}

/** Where `mark` stands at the beginning of a line. */
function lineStart(body: string, mark: string, from: number): number {
  let at = body.indexOf(mark, from);
  while (at > 0 && body[at - 1] !== '\n') at = body.indexOf(mark, at + 1);
  return at;
}

/** RFC 5321 4.1.1.3: a source route may stand before the address. */
function pathOf(address: string) {
  const colon = address.startsWith('@') ? address.indexOf(':') : -1;
  const relays = colon === -1 ? null : address.slice(0, colon).split(',');
  const path = address.slice(colon + 1);
  const at = path.indexOf('@');
  return {
    Relays: relays,
    Mailbox: at === -1 ? path : path.slice(0, at),
    Domain: at === -1 ? '' : path.slice(at + 1),
    Params: '',
  };
}
