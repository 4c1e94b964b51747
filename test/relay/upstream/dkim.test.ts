// DKIM on the way out, checked by a verifier that is written here from RFC 6376 and knows nothing of the signer: what
// arrives at the upstream must verify, whatever the content looks like and however the store cuts it.
import { createHash, createVerify, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Content } from '../../../relay/upstream/courier.ts';
import { Signer, SigningCourier, signerOf } from '../../../relay/upstream/dkim.ts';
import { ChatError } from '../../../src/errors.ts';
import { deliverBy, outgoing, piecesOf, WayOut } from '../support/way-out.ts';

/** RFC 6376 3.4.4. */
function relaxedBody(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  while (lines.at(-1) === '') lines.pop();
  return lines.map((line) => `${line}\r\n`).join('');
}

/** RFC 6376 3.4.2. */
function relaxedField(field: string): string {
  const colon = field.indexOf(':');
  const value = field
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .trim();
  return `${field.slice(0, colon).trim().toLowerCase()}:${value}`;
}

interface Tags {
  readonly [tag: string]: string;
  readonly bh: string;
  readonly b: string;
  readonly h: string;
}

/** The tags of the first signature when it holds, else why it does not. */
function verify(message: Buffer, key: KeyObject): Tags | string {
  const text = message.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const head = end < 0 ? text : text.slice(0, end + 2);
  const body = end < 0 ? '' : text.slice(end + 4);
  const fields = head.split(/\r\n(?![ \t])/).filter((field) => field !== '');
  const signature = fields[0]!;
  if (!/^DKIM-Signature:/i.test(signature)) return 'unsigned';
  const tags = Object.fromEntries(
    signature
      .slice(signature.indexOf(':') + 1)
      .split(';')
      .map((tag) => [tag.slice(0, tag.indexOf('=')).trim(), tag.slice(tag.indexOf('=') + 1).replace(/\s+/g, '')]),
  ) as unknown as Tags;
  const hash = createHash('sha256').update(relaxedBody(body), 'latin1').digest('base64');
  if (hash !== tags.bh) return 'the body hash differs';
  // RFC 6376 5.4.2: each name takes the last field of that name that is not taken yet.
  const rest = fields.slice(1);
  const signed = tags.h.split(':').flatMap((name) => {
    const place = rest.findLastIndex((field) => relaxedField(field).startsWith(`${name.toLowerCase()}:`));
    return place < 0 ? [] : rest.splice(place, 1);
  });
  const bare = relaxedField(signature).replace(/(;|^)(\s*b=)[^;]*/, '$1$2');
  const data = `${signed.map((field) => `${relaxedField(field)}\r\n`).join('')}${bare}`;
  const isRight = createVerify('RSA-SHA256').update(data, 'latin1').verify(key, tags.b, 'base64');
  return isRight ? tags : 'the signature does not hold';
}

describe('DKIM', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  let directory: string;
  let signer: Signer;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lonedot-'));
    const files: Record<string, string | Buffer> = {
      'rsa.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }),
      'ec.pem': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
      'short.pem': generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey.export({
        type: 'pkcs8',
        format: 'pem',
      }),
      'locked.pem': privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
      'no.pem': 'no key',
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    signer = new Signer({ domain: 'X.example', selector: 's1', keyFile: join(directory, 'rsa.pem') });
  });

  after(() => rm(directory, { recursive: true }));

  /** What arrives when this is sent through a signing courier. */
  async function arrives(content: () => Content, size = 100): Promise<Buffer> {
    const way = await WayOut.open();
    const courier = new SigningCourier(way.forwarder, signer, way.log);
    const { outcomes } = await courier.deliver(outgoing({ size }), () => Promise.resolve(content()));
    expect(outcomes.map(({ fate }) => fate)).to.deep.equal(['delivered']);
    expect(way.upstream.mails[0]!.from).to.match(/SIZE=\d+$/);
    await way.stop();
    return way.upstream.mails[0]!.content;
  }

  const FROM = 'From: A <a@x.example>\r\n';
  const MAILS: readonly [title: string, content: string][] = [
    ['a plain mail', `${FROM}Subject: t\r\n\r\nHello\r\n`],
    [
      'folded, doubled and oddly spaced fields',
      `Received: one\r\nSUBJECT : a\r\n\tb  c \r\n${FROM}To: x,\r\n y\r\nTo: second\r\n\r\nx\r\n`,
    ],
    ['spaces and empty lines in the body', `${FROM}\r\n a \t b \r\n\t\r\n\r\nc  \r\n\r\n\r\n`],
    ['an empty body', `${FROM}\r\n`],
    ['a header and nothing else', FROM],
    ['a body without its last line end', `${FROM}\r\nx`],
    ['dots at line starts', `${FROM}\r\n.\r\n..x\r\n`],
    ['bytes over 127', `From: \xc3\xa4 <a@x.example>\r\nSubject: \xff\r\n\r\n\xe4\xff\r\n`],
    ['bare CR and LF, signed as they are sent', `${FROM}\r\na\nb\rc\r`],
    ['a subdomain', 'From: a@news.x.example\r\n\r\nx\r\n'],
  ];
  for (const [title, content] of MAILS) {
    it(`signs ${title}`, async () => {
      const bytes = Buffer.from(content, 'latin1');
      const whole = await arrives(() => [bytes]);
      const tags = verify(whole, publicKey);
      expect(tags).to.include({ v: '1', a: 'rsa-sha256', c: 'relaxed/relaxed', d: 'x.example', s: 's1' });
      const inBytes = async function* () {
        for (const byte of bytes) yield Buffer.from([byte]);
      };
      expect(verify(await arrives(inBytes), publicKey)).to.include({ bh: (tags as Tags).bh });
    });
  }

  it('signs a mail of megabytes, and announces its size with the signature', async () => {
    const content = Buffer.from(`${FROM}\r\n${`${'words '.repeat(12)}\r\n`.repeat(60_000)}`);
    const whole = await arrives(() => piecesOf(content), content.length);
    expect(verify(whole, publicKey)).to.include({ d: 'x.example' });
    expect(whole.subarray(-content.length).equals(content)).to.equal(true);
  });

  const OTHERS: readonly [title: string, content: string][] = [
    ['mail of another domain', 'From: a@y.example\r\n\r\nx\r\n'],
    ['a domain that only ends alike', 'From: a@notx.example\r\n\r\nx\r\n'],
    ['a mail without From', 'Subject: a@x.example\r\n\r\nx\r\n'],
    ['a mail with two', `${FROM}${FROM}\r\nx\r\n`],
    ['a text without a header', '\r\nFrom: a@x.example\r\n'],
    ['nothing', ''],
  ];
  for (const [title, content] of OTHERS) {
    it(`leaves ${title} as it is`, async () => {
      expect((await arrives(() => [Buffer.from(content)])).toString()).to.equal(content);
    });
  }

  it('a store that fails while it is read: deferred, and the operator hears of it', async () => {
    const way = await WayOut.open();
    const courier = new SigningCourier(way.forwarder, signer, way.log);
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from(FROM);
      throw new Error('the content of message is damaged');
    }
    const { outcomes } = await deliverBy(courier, outgoing(), broken());
    expect(outcomes.map(({ fate }) => fate)).to.deep.equal(['deferred']);
    expect(way.log.levels('upstream.content_failed')).to.deep.equal(['error']);
    expect(way.upstream.connections).to.equal(0);
    await way.stop();
  });

  it('is made of three options or none', () => {
    const none = { dkimDomain: undefined, dkimSelector: undefined, dkimKey: undefined };
    const all = { dkimDomain: 'x.example', dkimSelector: 's1', dkimKey: join(directory, 'rsa.pem') };
    expect(signerOf(none)).to.equal(null);
    expect(signerOf(all)).to.be.instanceOf(Signer);
    for (const key of Object.keys(all)) {
      expect(() => signerOf({ ...all, [key]: undefined })).to.throw(ChatError, /go together/);
    }
  });

  const BAD: readonly [domain: string, selector: string, file: string, says: RegExp][] = [
    ['x example', 's1', 'rsa.pem', /dkim-domain/],
    ['x.example', 's 1', 'rsa.pem', /dkim-selector/],
    ['x.example', 's1', 'nowhere.pem', /dkim-key: .*nowhere\.pem cannot be read \(ENOENT\)/],
    ['x.example', 's1', 'no.pem', /no private key/],
    ['x.example', 's1', 'locked.pem', /passphrase/],
    ['x.example', 's1', 'ec.pem', /not RSA/],
    ['x.example', 's1', 'short.pem', /512 bits/],
  ];
  for (const [domain, selector, file, says] of BAD) {
    it(`refuses ${domain}, ${selector}, ${file}`, () => {
      expect(() => new Signer({ domain, selector, keyFile: join(directory, file) }))
        .to.throw(ChatError, says)
        .with.property('code', 'BAD_OPTION');
    });
  }
});
