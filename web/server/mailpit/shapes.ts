// Mailpit's JSON, made of the inbox's shapes: exactly its fields, since its clients' tests compare whole objects. Lists
// that are empty are `[]`, also where Mailpit says null: its clients' types call them arrays.
import type { InboxMessage, InboxPage, InboxSummary } from '../../../relay/inbox/inbox.ts';
import type { HeaderField, Mailbox, MailPart } from '../../../relay/inbox/parsed-mail.ts';

export interface Unsubscribe {
  readonly header: string;
  readonly links: readonly string[];
  readonly errors: string;
  readonly headerPost: string;
}

export function summaryShape(summary: InboxSummary) {
  const { id, messageId, read, from, to, cc, bcc, replyTo, subject, receivedAt, username, tags, size } = summary;
  return {
    ID: id,
    MessageID: messageId,
    Read: read,
    From: addr(from),
    To: to.map(addr),
    Cc: cc.map(addr),
    Bcc: bcc.map(addr),
    ReplyTo: replyTo.map(addr),
    Subject: subject,
    Created: new Date(receivedAt).toISOString(),
    Username: username,
    Tags: tags,
    Size: size,
    Attachments: summary.attachments,
    Snippet: summary.snippet,
  };
}

export function listShape(page: InboxPage, start: number) {
  const { messages, total, unread, matching, matchingUnread, tags } = page;
  return {
    total,
    unread,
    // From before there was a search; old clients still read it.
    count: messages.length,
    messages_count: matching,
    messages_unread: matchingUnread,
    start,
    tags,
    messages: messages.map(summaryShape),
  };
}

export function messageShape({ summary, mail }: InboxMessage, unsubscribe: Unsubscribe) {
  const { header, links, errors, headerPost } = unsubscribe;
  return {
    ID: summary.id,
    MessageID: mail.messageId,
    From: addr(mail.from),
    To: mail.to.map(addr),
    Cc: mail.cc.map(addr),
    // With the recipients that no header names.
    Bcc: summary.bcc.map(addr),
    ReplyTo: mail.replyTo.map(addr),
    ReturnPath: mail.returnPath,
    Subject: mail.subject,
    ListUnsubscribe: { Header: header, Links: links, Errors: errors, HeaderPost: headerPost },
    Date: new Date(mail.date ?? summary.receivedAt).toISOString(),
    Tags: summary.tags,
    Username: summary.username,
    Text: mail.text,
    HTML: mail.html,
    Size: summary.size,
    Inline: mail.inline.map(attachmentShape),
    Attachments: mail.attachments.map(attachmentShape),
  };
}

/** `{ 'Message-Id': [...] }`: names as Go writes them, sorted; values as they stand in the mail, unfolded. */
export function headersShape(headers: readonly HeaderField[]): Record<string, string[]> {
  const values = new Map<string, string[]>();
  for (const { name, raw } of headers) {
    const canonical = canonicalName(name);
    const known = values.get(canonical);
    if (known) known.push(raw.trim());
    else values.set(canonical, [raw.trim()]);
  }
  return Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function addr(mailbox: Mailbox | null) {
  return { Name: mailbox?.name ?? '', Address: mailbox?.address ?? '' };
}

function attachmentShape({ partId, fileName, contentType, contentId, size, checksums }: MailPart) {
  const { md5, sha1, sha256 } = checksums;
  return {
    PartID: partId,
    FileName: fileName,
    ContentType: contentType,
    ContentID: contentId,
    Size: size,
    Checksums: { MD5: md5, SHA1: sha1, SHA256: sha256 },
  };
}

/** `mime-VERSION` becomes `Mime-Version`; what has bytes that no field name may have stays as it is. */
function canonicalName(name: string): string {
  if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) return name;
  return name.toLowerCase().replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
