// A mail in Mailpit's JSON, for its HTTP API and for webhooks: exactly its fields, since its clients' tests compare whole
// objects. Lists that are empty are `[]`, also where Mailpit says null: its clients' types call them arrays.
import type { Unsubscribe } from './checks/unsubscribe.ts';
import type { InboxMessage, InboxSummary } from './inbox.ts';
import type { Mailbox, MailPart } from './parsed-mail.ts';

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
