// The shapes of our own API as schemas: what bodies are checked by, and what the OpenAPI document is made of. The tests
// hold real answers against them. Loaded when one of both is wanted.
import { z } from 'zod';

const time = z.iso.datetime().describe('ISO 8601, in UTC');
const text = z.string();
const whole = z.int().nonnegative();
const mailbox = z.strictObject({ name: text, address: text });
const parameter = z.tuple([text, text]);

export const summary = z
  .strictObject({
    seq: whole.describe('Strictly increasing: the order of every list, and a cursor'),
    id: text,
    namespace: text.describe("'' for a mail that is in none"),
    read: z.boolean(),
    tags: z.array(text),
    receivedAt: time,
    size: whole.describe('Bytes as stored'),
    username: text.describe('Who logged in to send it'),
    sender: text.describe("Of the envelope; '' is the null sender"),
    recipients: z.array(text).describe('Of the envelope'),
    parsed: z.boolean().describe('False while it is not read yet'),
    messageId: text,
    from: mailbox.nullable(),
    to: z.array(mailbox),
    cc: z.array(mailbox),
    bcc: z.array(mailbox).describe('With the recipients that no header names'),
    replyTo: z.array(mailbox),
    subject: text,
    snippet: text,
    attachments: whole,
    inlines: whole,
  })
  .meta({ id: 'Summary' });

export const found = summary
  .extend({
    links: z.array(text),
    codes: z.array(text).describe('What looks like a one-time password'),
    captures: z.record(text, text.nullable()),
  })
  .meta({ id: 'Found' });

export const page = z
  .strictObject({
    messages: z.array(summary),
    older: whole.nullable().describe('The `before` of the next page; null at the end'),
    cursor: whole.describe('The newest seq: the `after` of a wait for what comes now'),
    total: whole,
    unread: whole,
    matching: whole,
    matchingUnread: whole,
    tags: z.array(text),
  })
  .meta({ id: 'Page' });

const header = z.strictObject({ name: text, raw: text, value: text });
const part = z.strictObject({
  partId: text,
  fileName: text,
  contentType: text,
  contentId: text,
  disposition: z.enum(['inline', 'attachment']),
  size: whole,
  checksums: z.strictObject({ md5: text, sha1: text, sha256: text }),
});

export const node = z
  .strictObject({
    partId: text,
    contentType: text,
    contentTypeHeader: text,
    encoding: text,
    disposition: text,
    fileName: text,
    contentId: text,
    size: whole,
    get children() {
      return z.array(node);
    },
  })
  .meta({ id: 'MimeNode' });

const mail = z.strictObject({
  headers: z.array(header),
  messageId: text,
  from: mailbox.nullable(),
  to: z.array(mailbox),
  cc: z.array(mailbox),
  bcc: z.array(mailbox),
  replyTo: z.array(mailbox),
  returnPath: text,
  subject: text,
  date: time.nullable(),
  text,
  html: text,
  inline: z.array(part),
  attachments: z.array(part),
  tree: node,
  tags: z.array(text),
});

const attempt = z.strictObject({
  at: time,
  upstream: text,
  tls: text,
  reply: text,
  outcome: z.enum(['delivered', 'deferred', 'failed', 'unknown']),
});

export const message = z
  .strictObject({
    seq: whole,
    id: text,
    receivedAt: time,
    size: whole,
    sender: text,
    parameters: z.array(parameter),
    helo: text,
    clientAddress: text,
    protocol: text,
    tls: text,
    authUser: text,
    recipients: z.array(
      z.strictObject({
        address: text,
        parameters: z.array(parameter),
        route: text,
        state: text,
        nextAttempt: time.nullable(),
        attempts: z.array(attempt),
      }),
    ),
    namespace: text,
    read: z.boolean(),
    tags: z.array(text),
    snippet: text,
    mail,
  })
  .meta({ id: 'Message' });

export const headers = z.strictObject({ headers: z.array(header) }).meta({ id: 'Headers' });
export const structure = z.strictObject({ tree: node }).meta({ id: 'Structure' });
export const transcript = z
  .strictObject({
    lines: z.array(
      z.strictObject({
        from: z.enum(['client', 'server', 'note']),
        ms: z.number(),
        text: text.describe('Secrets are masked'),
      }),
    ),
  })
  .meta({ id: 'Transcript' });

export const waited = z
  .strictObject({ messages: z.array(found), cursor: whole.describe('The `after` of the next wait') })
  .meta({ id: 'Waited' });

export const missed = z
  .strictObject({
    error: text.describe('What came instead, in one line'),
    came: whole,
    misses: z.array(z.strictObject({ message: summary, lacks: z.array(text) })).describe('The nearest first'),
    found: z.array(found).describe('Those that matched, when they were too few'),
    cursor: whole,
  })
  .meta({ id: 'Missed' });

const pattern = text.min(1).max(512);

export const namespaceBody = z
  .strictObject({
    name: text
      .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u, 'must be letters, digits, dots, dashes and underscores')
      .optional()
      .describe('Made up when it is absent'),
    ttl: text
      .optional()
      .describe('`30m`, `24h`, `7d` or `never`; 24h when it is absent. Then it and its mail are removed'),
    recipients: z.array(pattern).max(1000).optional().describe('Patterns; `*+NAME@*` and `*@NAME.test` when absent'),
    users: z.array(pattern).max(1000).optional().describe('AUTH users; the name when absent'),
    ports: z.array(z.int().min(1).max(65_535)).max(1000).optional().describe('Of listeners'),
    headers: z.array(pattern).max(1000).optional().describe('`X-Lonedot-Namespace: NAME` when absent'),
  })
  .meta({ id: 'NewNamespace' });

const namespaceFields = {
  name: text,
  createdAt: time,
  expiresAt: time.nullable(),
  recipients: z.array(text),
  users: z.array(text),
  ports: z.array(whole),
  headers: z.array(text),
};

export const namespaces = z
  .strictObject({ namespaces: z.array(z.strictObject({ ...namespaceFields, messages: whole, unread: whole })) })
  .meta({ id: 'Namespaces' });

export const createdNamespace = z
  .strictObject({
    ...namespaceFields,
    smtp: z.strictObject({
      host: text.optional(),
      port: whole.optional(),
      username: text.optional().describe('Absent where the users are those of the options'),
      password: text.optional(),
    }),
    addressPattern: text.nullable().describe('Mail to it belongs to the namespace, whatever stands for the star'),
    apiBase: text.describe("Before Mailpit's and MailHog's routes, for clients that know no namespaces"),
    ownApiBase: text,
  })
  .meta({ id: 'CreatedNamespace' });

export const replayBody = z
  .strictObject({
    to: text
      .min(1)
      .max(300)
      .describe('`[host:]port`, or unix:/path; this machine only, unless --allow-replay is given'),
    mode: z.enum(['mail', 'dialogue']).optional().describe('The mail with its envelope, or its recorded dialogue'),
    sender: text
      .max(512)
      .regex(/^[^\p{Cc}<>]*$/u)
      .optional(),
    recipients: z
      .array(
        text
          .min(1)
          .max(512)
          .regex(/^[^\p{Cc}<>]+$/u),
      )
      .min(1)
      .max(1000)
      .optional(),
  })
  .meta({ id: 'Replay' });

export const replayed = z
  .strictObject({
    to: text,
    mode: z.enum(['mail', 'dialogue']),
    outcomes: z.array(z.strictObject({ recipient: text, outcome: text, reply: text })).optional(),
    steps: z.array(z.strictObject({ sent: text, recorded: text.nullable(), received: text.nullable() })).optional(),
  })
  .meta({ id: 'Replayed' });

export const selectionBody = z
  .strictObject({ ids: z.array(text).optional(), query: text.optional() })
  .describe('These, or all that match, or all')
  .meta({ id: 'Selection' });

export const changeBody = selectionBody
  .extend({ read: z.boolean().optional(), addTags: z.array(text).optional(), removeTags: z.array(text).optional() })
  .meta({ id: 'Change' });

export const tags = z
  .strictObject({ tags: z.array(z.strictObject({ tag: text, messages: whole })) })
  .meta({ id: 'Tags' });

export const fault = z
  .looseObject({ id: text, phase: text, matches: whole, hits: whole })
  .describe('A rule with what it has done; docs/api.md tells its fields')
  .meta({ id: 'Fault' });
export const newFault = z.looseObject({ phase: text }).meta({ id: 'NewFault' });
export const faults = z.strictObject({ faults: z.array(fault) }).meta({ id: 'Faults' });
export const faultsBody = z.strictObject({ faults: z.array(newFault) }).meta({ id: 'NewFaults' });

export const extracted = z
  .strictObject({ links: z.array(text), codes: z.array(text), captures: z.record(text, text.nullable()) })
  .meta({ id: 'Extracted' });
export const lint = z
  .strictObject({
    findings: z.array(z.looseObject({ level: z.enum(['error', 'warning', 'info']), rule: text, message: text })),
  })
  .meta({ id: 'Lint' });
export const difference = z.looseObject({ same: z.boolean() }).meta({ id: 'Difference' });
export const queue = z
  .looseObject({ messages: z.array(z.looseObject({ id: text })), next: whole.nullable() })
  .meta({ id: 'Queue' });
export const info = z.strictObject({ version: text, label: text, smtp: z.array(text) }).meta({ id: 'Info' });
export const problem = z.strictObject({ error: text.describe('One line') }).meta({ id: 'Problem' });
export const changed = z.strictObject({ changed: whole }).meta({ id: 'Changed' });
export const deleted = z.strictObject({ deleted: whole }).meta({ id: 'Deleted' });
