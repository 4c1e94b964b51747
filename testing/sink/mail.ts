// A mail as a test reads it: everything that was read of it at once, its bytes and its dialogue when they are asked for.
import type { HeaderField, Mailbox, MailPart, ParsedMail } from '../../relay/inbox/parsed-mail.ts';
import type { SinkBackend } from './backend.ts';
import { type Transcript, transcriptFrom } from './transcript.ts';

/** Header fields by name, whatever its case. `get` gives the first of several, decoded (RFC 2047). */
export interface MailHeaders extends ReadonlyMap<string, string> {
  /** All fields of a name, in their order. */
  all(name: string): readonly string[];
}

export interface Attachment {
  /** Never '': one is made from the type when the mail gives none. */
  readonly fileName: string;
  /** Without parameters, lower case. */
  readonly contentType: string;
  /** Without the angle brackets; ''. */
  readonly contentId: string;
  readonly disposition: 'inline' | 'attachment';
  /** Bytes when decoded. */
  readonly size: number;
  readonly checksums: { readonly md5: string; readonly sha1: string; readonly sha256: string };
  /** Decoded. Rejects with ChatError CLOSED when the mail was deleted. */
  content(): Promise<Buffer>;
}

/** What the SMTP session said, which need not be what the header says. */
export interface MailEnvelope {
  /** '' is the null sender. */
  readonly from: string;
  readonly to: readonly string[];
  /** Who logged in; ''. */
  readonly username: string;
  readonly helo: string;
  readonly clientAddress: string;
  /** `ESMTP`, `ESMTPSA`, ... (RFC 3848). */
  readonly protocol: string;
  /** The TLS version and cipher; '' without. */
  readonly tls: string;
}

export interface Mail {
  readonly id: string;
  /** Strictly increasing; `after` takes it. */
  readonly seq: number;
  /** '' for a mail that is in none. */
  readonly namespace: string;
  readonly receivedAt: Date;
  /** Bytes as received. */
  readonly size: number;
  readonly tags: readonly string[];
  readonly subject: string;
  readonly from: Mailbox | null;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  /** The header's, and behind them every recipient of the envelope that no header names. */
  readonly bcc: readonly Mailbox[];
  readonly replyTo: readonly Mailbox[];
  /** Without the angle brackets. */
  readonly messageId: string;
  /** Of the Date field; null when there is none that can be read. */
  readonly date: Date | null;
  /** Of a mail that has HTML only it is made from that. */
  readonly text: string;
  /** '' for a mail without. */
  readonly html: string;
  readonly headers: MailHeaders;
  readonly attachments: readonly Attachment[];
  /** Parts that the HTML shows. */
  readonly inline: readonly Attachment[];
  /** Absolute ones without duplicates: those that can be clicked, then those in the text. */
  readonly links: readonly string[];
  /** What looks like a one-time password, the likeliest first. */
  readonly codes: readonly string[];
  readonly envelope: MailEnvelope;
  /** The first link that has this in it or matches it. Throws Error, with the links that there are. */
  link(match?: string | RegExp): string;
  /** The bytes as received. Rejects with ChatError CLOSED when the mail was deleted. */
  raw(): Promise<Buffer>;
  /** The dialogue in which it came. */
  transcript(): Promise<Transcript>;
  delete(): Promise<void>;
}

/** What a back end knows of a mail. */
export interface MailData {
  readonly id: string;
  readonly seq: number;
  readonly namespace: string;
  /** Milliseconds. */
  readonly receivedAt: number;
  readonly size: number;
  readonly tags: readonly string[];
  readonly bcc: readonly Mailbox[];
  readonly envelope: MailEnvelope;
  readonly mail: ParsedMail;
}

/** Loads what finds links and codes, once. */
export async function readMail(data: MailData, backend: SinkBackend): Promise<Mail> {
  const { extract } = await import('../../relay/inbox/extract.ts');
  const { id, mail, receivedAt, ...rest } = data;
  const { links, codes } = extract(mail);
  const parts = (list: readonly MailPart[]) => list.map((part) => attachmentOf(part, id, backend));
  return {
    ...rest,
    id,
    receivedAt: new Date(receivedAt),
    subject: mail.subject,
    from: mail.from,
    to: mail.to,
    cc: mail.cc,
    replyTo: mail.replyTo,
    messageId: mail.messageId,
    date: mail.date === null ? null : new Date(mail.date),
    text: mail.text,
    html: mail.html,
    headers: headersOf(mail.headers),
    attachments: parts(mail.attachments),
    inline: parts(mail.inline),
    links,
    codes,
    link: (match) => linkIn(links, match),
    raw: () => backend.raw(id),
    transcript: async () => transcriptFrom(await backend.transcript(id), id),
    delete: async () => void (await backend.delete({ ids: [id] })),
  };
}

function attachmentOf(part: MailPart, id: string, backend: SinkBackend): Attachment {
  const { partId, ...shown } = part;
  return { ...shown, content: () => backend.part(id, partId) };
}

function linkIn(links: readonly string[], match: string | RegExp = ''): string {
  const found = links.find((link) => (typeof match === 'string' ? link.includes(match) : link.search(match) !== -1));
  if (found !== undefined) return found;
  const there = links.length === 0 ? 'it has no links' : `there are ${links.slice(0, 10).join(' ')}`;
  throw new Error(`the mail has no link with ${String(match)}; ${there}`);
}

class FieldsByName extends Map<string, string> implements MailHeaders {
  readonly #all = new Map<string, string[]>();

  /** Once, before it is handed out. */
  take({ name, value }: HeaderField): void {
    const key = name.toLowerCase();
    const values = this.#all.get(key);
    if (values) values.push(value);
    else {
      this.#all.set(key, [value]);
      super.set(key, value);
    }
  }

  override get(name: string): string | undefined {
    return super.get(name.toLowerCase());
  }

  override has(name: string): boolean {
    return super.has(name.toLowerCase());
  }

  all(name: string): readonly string[] {
    return this.#all.get(name.toLowerCase()) ?? [];
  }
}

function headersOf(fields: readonly HeaderField[]): MailHeaders {
  const headers = new FieldsByName();
  for (const field of fields) headers.take(field);
  return headers;
}
