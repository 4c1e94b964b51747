// POST /api/v1/send: builds a mail of JSON and stores it as if it had come over SMTP. Everything that could become a
// header field is checked first: a line end in it would be the sender's own header. Problems are JSON here, and only here.
import type { Handler, Request, Web } from '../context.ts';
import { bareAddress } from '../frame/address.ts';
import { inboxOf } from '../frame/ask.ts';
import { Fields, readJson } from '../frame/body.ts';
import { Refusal, refusalFrom } from '../frame/refusal.ts';
import type { Composition, NamedAddress } from './compose.ts';
import { cleanTags } from './tags.ts';

const DEFAULT_MAX_BYTES = 50 * 1024 * 1024;
const OURS: ReadonlySet<string> = new Set(
  'to from cc bcc reply-to date subject content-type mime-version content-transfer-encoding message-id'.split(' '),
);
const FIELD_NAME = /^[!#$%&'*+.^_`|~\w-]{1,76}$/;
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;\s*[\w-]+=(?:"[^"\\\p{Cc}]*"|[\w.+-]+))*$/u;
const CONTROLS = /\p{Cc}/u;
/** With them the base64 of a mail that is as large as may be still fits. */
const JSON_OVERHEAD = 1.4;

export const sendMessage: Handler = async (c, web) => {
  try {
    inboxOf(web);
    const limit = web.maxMessageSize ?? DEFAULT_MAX_BYTES;
    const given = await readJson(c, limit === 0 ? DEFAULT_MAX_BYTES * 20 : Math.ceil(limit * JSON_OVERHEAD));
    if (given === undefined) throw new Refusal(400, 'the body is empty');
    const { mail, recipients } = compositionOf(new Fields(given));
    const { compose } = await import('./compose.ts');
    const bytes = await compose(mail);
    if (limit > 0 && bytes.length > limit) throw new Refusal(413, `the mail is larger than ${limit} bytes`);
    return c.json({ ID: await storeMail(c, web, mail.from.address, recipients, bytes) });
  } catch (error) {
    const refusal = refusalFrom(error);
    if (refusal) return c.json({ Error: refusal.message }, refusal.status);
    throw error;
  }
};

function compositionOf(fields: Fields): { mail: Composition; recipients: string[] } {
  const named = (name: string) => fields.objects(name).map((one) => namedAddress(one, name));
  const from = namedAddress(fields.object('From'), 'From');
  const [to, cc] = [named('To'), named('Cc')];
  const replyTo = fields.objects('ReplyTo').map((one) => namedAddress(one, 'Reply-To'));
  const bcc = fields.texts('Bcc').map((text) => address(text, 'Bcc'));
  const recipients = [...to.map((one) => one.address), ...cc.map((one) => one.address), ...bcc];
  if (recipients.length === 0) throw new Refusal(400, 'there is no recipient: To, Cc and Bcc are empty');
  const tags = cleanTags(fields.texts('Tags').map((tag) => oneLine(tag, 'Tags')));
  const mail: Composition = {
    ...{ from, to, cc, replyTo },
    subject: oneLine(fields.text('Subject'), 'Subject'),
    text: fields.text('Text'),
    html: fields.text('HTML'),
    headers: [
      ...(tags.length > 0 ? [['X-Tags', tags.join(', ')] as const] : []),
      ...headersOf(fields, tags.length > 0),
    ],
    attachments: fields.objects('Attachments').map(attachmentOf),
  };
  return { mail, recipients: [...new Set(recipients)] };
}

function headersOf(fields: Fields, hasTags: boolean): (readonly [string, string])[] {
  return fields.dictionary('Headers').map(([name, value]) => {
    const lower = name.toLowerCase();
    if (OURS.has(lower) || (hasTags && lower === 'x-tags'))
      throw new Refusal(400, `cannot overwrite header: "${name}"`);
    if (!FIELD_NAME.test(name)) throw new Refusal(400, `invalid header name: ${JSON.stringify(name)}`);
    return [name, oneLine(value, `header "${name}"`)] as const;
  });
}

function attachmentOf(fields: Fields): Composition['attachments'][number] {
  const fileName = oneLine(fields.text('Filename'), 'Filename');
  const contentType = fields.text('ContentType');
  if (contentType !== '' && !MEDIA_TYPE.test(contentType)) {
    throw new Refusal(400, `invalid ContentType of attachment: ${JSON.stringify(contentType.slice(0, 100))}`);
  }
  const contentId = fields.text('ContentID').replace(/^<(.*)>$/, '$1');
  if (/[\s<>\p{Cc}]/u.test(contentId)) throw new Refusal(400, 'invalid ContentID of attachment');
  // What browsers make of a file begins with `data:image/png;base64,`.
  const text = fields
    .text('Content')
    .replace(/^data:[^,]*,/, '')
    .replaceAll(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 === 1) {
    throw new Refusal(400, `error decoding base64 attachment "${fileName}"`);
  }
  return { content: Buffer.from(text, 'base64'), fileName, contentType, contentId };
}

function namedAddress(fields: Fields, field: string): NamedAddress {
  return { name: oneLine(fields.text('Name'), `${field} name`), address: address(fields.text('Email'), field) };
}

function address(text: string, field: string): string {
  const bare = bareAddress(text);
  if (bare === null)
    throw new Refusal(400, `invalid ${field} address: ${text.slice(0, 320).replaceAll(/\p{Cc}/gu, ' ')}`);
  return bare;
}

function oneLine(text: string, what: string): string {
  if (CONTROLS.test(text)) throw new Refusal(400, `${what} must be one line without control characters`);
  return text;
}

async function storeMail(c: Request, web: Web, sender: string, to: readonly string[], bytes: Buffer): Promise<string> {
  const writer = web.store.begin();
  try {
    await writer.write(bytes);
    await writer.commit({
      receivedAt: web.clock.now(),
      sender,
      parameters: [],
      helo: '',
      clientAddress: c.env?.incoming?.socket.remoteAddress ?? '',
      protocol: 'HTTP',
      tls: '',
      authUser: userOf(c),
      traits: isAscii(bytes) ? [] : ['eight-bit'],
      recipients: to.map((one) => ({ address: one, parameters: [], route: 'capture' })),
    });
  } catch (error) {
    writer.abort();
    throw error;
  }
  web.accepted?.({ id: writer.id, isWaiting: false, transcript: [] });
  return writer.id;
}

/** Who has logged in to send it, as the AUTH user of a mail over SMTP. */
function userOf(c: Request): string {
  const [, encoded = ''] = /^Basic +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
  return Buffer.from(encoded, 'base64')
    .toString('utf8')
    .split(':', 1)[0]!
    .replaceAll(/\p{Cc}/gu, '');
}

function isAscii(bytes: Buffer): boolean {
  return bytes.every((byte) => byte < 0x80);
}
