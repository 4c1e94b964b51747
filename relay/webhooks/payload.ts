// What a webhook is told of a mail: the summary or the message as the HTTP API gives them, or the mail itself. The shapes
// are Mailpit's, so that what listens to its webhooks listens to these.
import type { Unsubscribe } from '../inbox/checks/unsubscribe.ts';
import type { Inbox, InboxMessage, InboxSummary } from '../inbox/inbox.ts';
import type { Mailbox, MailPart } from '../inbox/parsed-mail.ts';
import type { Include } from './options.ts';

export interface Payload {
  readonly contentType: string;
  /** Bytes. */
  readonly length: number;
  /** The body from its beginning, each time it is called: once for the signature, once for the request. */
  body(): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>;
}

/** Undefined when the mail is gone. */
export async function payloadOf(inbox: Inbox, summary: InboxSummary, include: Include): Promise<Payload | undefined> {
  const { id, size } = summary;
  if (include === 'summary') return json(summaryJson(summary));
  if (include === 'message') {
    const found = await inbox.message(id);
    if (found === undefined) return undefined;
    const { unsubscribeOf } = await import('../inbox/checks/unsubscribe.ts');
    return json(messageJson(found, unsubscribeOf(found.mail.headers)));
  }
  if ((await inbox.content(id)) === undefined) return undefined;
  return {
    contentType: 'message/rfc822',
    length: size,
    body: async () => {
      const content = await inbox.content(id);
      if (content === undefined) throw new Error('the message was deleted while it was told');
      return content;
    },
  };
}

function json(value: unknown): Payload {
  const bytes = Buffer.from(JSON.stringify(value), 'utf8');
  return { contentType: 'application/json; charset=utf-8', length: bytes.length, body: async () => [bytes] };
}

function summaryJson(one: InboxSummary): object {
  return {
    ID: one.id,
    MessageID: one.messageId,
    Read: one.read,
    From: address(one.from),
    To: one.to.map(address),
    Cc: one.cc.map(address),
    Bcc: one.bcc.map(address),
    ReplyTo: one.replyTo.map(address),
    Subject: one.subject,
    Created: new Date(one.receivedAt).toISOString(),
    Username: one.username,
    Tags: one.tags,
    Size: one.size,
    Attachments: one.attachments,
    Snippet: one.snippet,
  };
}

function messageJson({ summary, mail }: InboxMessage, unsubscribe: Unsubscribe): object {
  const { header, links, errors, headerPost } = unsubscribe;
  return {
    ID: summary.id,
    MessageID: mail.messageId,
    From: address(mail.from),
    To: mail.to.map(address),
    Cc: mail.cc.map(address),
    // With the recipients that no header names.
    Bcc: summary.bcc.map(address),
    ReplyTo: mail.replyTo.map(address),
    ReturnPath: mail.returnPath,
    Subject: mail.subject,
    ListUnsubscribe: { Header: header, Links: links, Errors: errors, HeaderPost: headerPost },
    Date: new Date(mail.date ?? summary.receivedAt).toISOString(),
    Tags: summary.tags,
    Username: summary.username,
    Text: mail.text,
    HTML: mail.html,
    Size: summary.size,
    Inline: mail.inline.map(part),
    Attachments: mail.attachments.map(part),
  };
}

function address(one: Mailbox | null): object {
  return { Name: one?.name ?? '', Address: one?.address ?? '' };
}

function part(one: MailPart): object {
  return {
    PartID: one.partId,
    FileName: one.fileName,
    ContentType: one.contentType,
    ContentID: one.contentId,
    Size: one.size,
    Checksums: { MD5: one.checksums.md5, SHA1: one.checksums.sha1, SHA256: one.checksums.sha256 },
  };
}
