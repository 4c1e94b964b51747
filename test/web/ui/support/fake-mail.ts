// The mails of the fake server: as much of one as the page asks for, made from a few words.

export interface FakePart {
  readonly partId: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly isInline?: boolean;
}

export interface FakeMail {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly created: number;
  readonly parts: readonly FakePart[];
  readonly listUnsubscribe: string;
  read: boolean;
  tags: string[];
}

export type MailWords = Partial<Omit<FakeMail, 'id'>>;

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Ordered as the mails are, as the store's ids. */
export function idOf(seq: number): string {
  let id = '';
  for (let rest = seq; id.length < 22; rest = Math.floor(rest / 62)) id = ALPHABET[rest % 62]! + id;
  return id;
}

export function makeMail(seq: number, words: MailWords = {}): FakeMail {
  return {
    id: idOf(seq),
    from: 'Ada Lovelace <ada@example.com>',
    to: 'Bob <bob@example.net>',
    subject: `Mail ${seq}`,
    text: `This is mail ${seq}.\n`,
    html: '',
    created: 1_760_000_000_000 + seq * 1000,
    parts: [],
    listUnsubscribe: '',
    read: false,
    tags: [],
    ...words,
  };
}

export function addr(text: string): { Name: string; Address: string } {
  const [, name, address] = /^(.*?)\s*<(.*)>$/.exec(text) ?? [];
  return address === undefined ? { Name: '', Address: text } : { Name: name!, Address: address };
}

export function summaryOf(mail: FakeMail) {
  return {
    ID: mail.id,
    MessageID: `${mail.id}@example.com`,
    Read: mail.read,
    From: addr(mail.from),
    To: [addr(mail.to)],
    Cc: [],
    Bcc: [],
    ReplyTo: [],
    Subject: mail.subject,
    Created: new Date(mail.created).toISOString(),
    Username: '',
    Tags: mail.tags,
    Size: rawOf(mail).length,
    Attachments: mail.parts.filter(({ isInline }) => !isInline).length,
    Snippet: mail.text.replaceAll(/\s+/g, ' ').trim().slice(0, 200),
  };
}

export function messageOf(mail: FakeMail) {
  const { Created, Snippet, Attachments, Read, ...shared } = summaryOf(mail);
  const parts = mail.parts.map((part) => ({
    isInline: part.isInline === true,
    shown: {
      PartID: part.partId,
      FileName: part.fileName,
      ContentType: part.contentType,
      ContentID: '',
      Size: part.bytes.length,
      Checksums: { MD5: 'a'.repeat(32), SHA1: 'b'.repeat(40), SHA256: 'c'.repeat(64) },
    },
  }));
  const links = [...mail.listUnsubscribe.matchAll(/<([^>]*)>/g)].map(([, link]) => link);
  return {
    ...shared,
    ReturnPath: addr(mail.from).Address,
    ListUnsubscribe: { Header: mail.listUnsubscribe, Links: links, Errors: '', HeaderPost: '' },
    Date: Created,
    Text: mail.text,
    HTML: mail.html,
    Inline: parts.filter(({ isInline }) => isInline).map(({ shown }) => shown),
    Attachments: parts.filter(({ isInline }) => !isInline).map(({ shown }) => shown),
  };
}

export function headersOf(mail: FakeMail) {
  const fields: [string, string][] = [
    ['From', mail.from],
    ['To', mail.to],
    ['Subject', mail.subject],
    ['Date', new Date(mail.created).toUTCString()],
    ['Message-ID', `<${mail.id}@example.com>`],
    ['MIME-Version', '1.0'],
    ['Content-Type', mail.html === '' ? 'text/plain; charset=utf-8' : 'multipart/alternative; boundary="=_b"'],
  ];
  return fields.map(([name, value]) => ({ name, raw: value, value }));
}

export function rawOf(mail: FakeMail): string {
  const head = headersOf(mail)
    .map(({ name, raw }) => `${name}: ${raw}\r\n`)
    .join('');
  if (mail.html === '') return `${head}\r\n${mail.text}`;
  return `${head}\r\n--=_b\r\nContent-Type: text/plain\r\n\r\n${mail.text}\r\n--=_b\r\nContent-Type: text/html\r\n\r\n${mail.html}\r\n--=_b--\r\n`;
}

export function treeOf(mail: FakeMail) {
  const leaf = (partId: string, contentType: string, size: number, fileName = '') => ({
    partId,
    contentType,
    contentTypeHeader: contentType,
    encoding: fileName === '' ? 'quoted-printable' : 'base64',
    disposition: fileName === '' ? '' : 'attachment',
    fileName,
    contentId: '',
    size,
    children: [],
  });
  const alternatives = [
    leaf('1.1', 'text/plain', mail.text.length),
    ...(mail.html === '' ? [] : [leaf('1.2', 'text/html', mail.html.length)]),
  ];
  const files = mail.parts.map(({ partId, contentType, bytes, fileName }) =>
    leaf(partId, contentType, bytes.length, fileName),
  );
  const group = (partId: string, contentType: string, children: readonly object[]) => ({
    ...leaf(partId, contentType, 0),
    encoding: '',
    children,
  });
  return group('', 'multipart/mixed', [group('1', 'multipart/alternative', alternatives), ...files]);
}

export function transcriptOf(mail: FakeMail) {
  const line = (from: 'client' | 'server' | 'note', ms: number, text: string) => ({ from, ms, text });
  return [
    line('server', 1, '220 sink.test ESMTP'),
    line('client', 2, 'EHLO app.test'),
    line('server', 2, '250-sink.test'),
    line('server', 2, '250-SIZE 52428800'),
    line('server', 2, '250 PIPELINING'),
    line('client', 14, 'AUTH PLAIN ****'),
    line('server', 15, '235 2.7.0 Accepted'),
    line('client', 16, `MAIL FROM:<${addr(mail.from).Address}>`),
    line('server', 16, '250 2.1.0 OK'),
    line('note', 316, 'a fault: waited 300 ms'),
    line('client', 317, `RCPT TO:<${addr(mail.to).Address}>`),
    line('server', 317, '250 2.1.5 OK'),
    line('client', 318, 'DATA'),
    line('server', 318, '354 Go ahead'),
    line('client', 320, `(${rawOf(mail).length} bytes)`),
    line('server', 324, `250 2.0.0 OK ${mail.id}`),
  ];
}

export function envelopeOf(mail: FakeMail) {
  return {
    seq: 1,
    id: mail.id,
    receivedAt: new Date(mail.created).toISOString(),
    size: rawOf(mail).length,
    sender: addr(mail.from).Address,
    parameters: [],
    helo: 'app.test',
    clientAddress: '127.0.0.1',
    protocol: 'ESMTP',
    tls: null,
    authUser: 'app',
    recipients: [{ address: addr(mail.to).Address, route: 'capture', state: 'captured' }],
  };
}
