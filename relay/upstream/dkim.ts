// DKIM (RFC 6376) on the way out, with nodemailer's canonicalisation and signature: rsa-sha256, relaxed/relaxed. Its
// ready-made stream keeps a message in memory or in a temporary file until the hash of the body is known; ours is in the
// store already, so it is read twice and never held: once for the signature, once to be sent behind it.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { domainToASCII } from 'node:url';
import { ChatError } from '../../src/errors.ts';
import { LineEndings } from '../../src/lines.ts';
import type { Log } from '../../src/log.ts';
import type { Content, Courier, Delivery, Envelope, OutgoingRecipient } from './courier.ts';
import { outcomeOf } from './outcome.ts';

export interface SignerOptions {
  /** Mail whose From is in it, or in a subdomain, is signed with its key. */
  readonly domain: string;
  /** The key is published at SELECTOR._domainkey.DOMAIN. */
  readonly selector: string;
  /** A file with an RSA key in PEM. */
  readonly keyFile: string;
}

const EMPTY = Buffer.alloc(0);
const EMPTY_LINE = Buffer.from('\r\n');
const END_OF_HEADER = Buffer.from('\r\n\r\n');
/** No mail has a header of this size; what looks like one is sent without a signature. */
const MAX_HEADER_BYTES = 1024 * 1024;
/** RFC 8301 3.2: verifiers take nothing shorter. */
const MIN_KEY_BITS = 1024;
const LABELS = /^[A-Za-z\d_]([A-Za-z\d_-]*[A-Za-z\d_])?(\.[A-Za-z\d_]([A-Za-z\d_-]*[A-Za-z\d_])?)*$/;

export class Signer {
  private readonly domain: string;
  private readonly selector: string;
  private readonly key: KeyObject;

  /** Throws ChatError BAD_OPTION when the names or the key cannot be used. */
  constructor({ domain, selector, keyFile }: SignerOptions) {
    this.domain = domainToASCII(domain).toLowerCase();
    if (!LABELS.test(this.domain)) throw bad(`dkim-domain: ${JSON.stringify(domain)} is no domain`);
    if (!LABELS.test(selector)) throw bad(`dkim-selector: ${JSON.stringify(selector)} is no name`);
    this.selector = selector;
    this.key = readKey(keyFile);
  }

  /** The DKIM-Signature field to put in front of the header; empty for mail of others. Reads `content` to its end. */
  async sign(content: Content): Promise<Buffer> {
    const { default: MessageParser } = await import('nodemailer/lib/dkim/message-parser');
    const { default: RelaxedBody } = await import('nodemailer/lib/dkim/relaxed-body');
    const { default: signatureOf } = await import('nodemailer/lib/dkim/sign');
    const parser = new MessageParser();
    const body = new RelaxedBody({ hashAlgo: 'sha256' });
    // What is sent has these line ends (wire-text.ts), and that is what is verified.
    const endings = new LineEndings('normalise');
    let head: Buffer | null = EMPTY;
    for await (const piece of content) {
      const text = endings.write(piece);
      if (head === null) {
        body.updateHash(text);
        continue;
      }
      head = head.length === 0 ? text : Buffer.concat([head, text]);
      if (head.indexOf(EMPTY_LINE) === 0) return EMPTY;
      const end: number = head.indexOf(END_OF_HEADER);
      if (end < 0 && head.length > MAX_HEADER_BYTES) return EMPTY;
      if (end < 0) continue;
      parser.rawHeaders = head.subarray(0, end + 2);
      body.updateHash(head.subarray(end + 4));
      head = null;
      if (!this.isOurs(parser.parseHeaders())) return EMPTY;
    }
    if (head !== null) parser.rawHeaders = head;
    body.updateHash(endings.end());
    const headers = parser.parseHeaders();
    if (!this.isOurs(headers)) return EMPTY;
    const names = { domainName: this.domain, keySelector: this.selector, privateKey: this.key };
    const field = signatureOf(headers, 'sha256', hashOf(body), names);
    if (field === false) throw new Error('DKIM: the key cannot sign');
    return Buffer.from(`${field}\r\n`, 'latin1');
  }

  /** RFC 6376 5.4: without From there is nothing to sign; and we answer for our own domain only. */
  private isOurs(headers: readonly { readonly key: string; readonly line: string }[]): boolean {
    const from = headers.filter(({ key }) => key === 'from');
    if (from.length !== 1) return false;
    const line = Buffer.from(from[0]!.line, 'latin1').toString();
    return [...line.matchAll(/@([^\s<>"(),;:@[\]]+)/g)].some(([, domain]) => {
      const ascii = domainToASCII(domain!).toLowerCase();
      return ascii === this.domain || ascii.endsWith(`.${this.domain}`);
    });
  }
}

/** A courier that signs what another one takes out, once for all the hosts that it may try. */
export class SigningCourier implements Courier {
  private readonly courier: Courier;
  private readonly signer: Signer;
  private readonly log: Log;

  constructor(courier: Courier, signer: Signer, log: Log) {
    this.courier = courier;
    this.signer = signer;
    this.log = log;
  }

  get name(): string {
    return this.courier.name;
  }

  group(recipient: OutgoingRecipient): string {
    return this.courier.group(recipient);
  }

  async deliver(envelope: Envelope, content: () => Promise<Content>, isOurs?: () => boolean): Promise<Delivery> {
    const source = await content();
    let field: Buffer;
    try {
      field = await this.signer.sign(source);
    } catch (error) {
      const { message } = error as Error;
      this.log.error('upstream.content_failed', { upstream: this.name, error: message });
      const outcome = outcomeOf({ message, code: 'ESTREAM' }, false);
      return { outcomes: envelope.recipients.map(() => outcome), tls: '', host: '' };
    }
    if (field.length === 0) return this.courier.deliver(envelope, content, isOurs);
    const size = envelope.size + field.length;
    return this.courier.deliver({ ...envelope, size }, async () => behind(field, await content()), isOurs);
  }

  close(): void {
    this.courier.close();
  }

  destroy(): void {
    this.courier.destroy();
  }
}

/** The content with a field more in front of its header. */
function behind(field: Buffer, source: Content): Content {
  if (Array.isArray(source)) return [field, ...source];
  return (async function* () {
    yield field;
    yield* source;
  })();
}

/** What the options say; null where nothing is to be signed. Throws ChatError BAD_OPTION. */
export function signerOf(options: {
  readonly dkimDomain: string | undefined;
  readonly dkimSelector: string | undefined;
  readonly dkimKey: string | undefined;
}): Signer | null {
  const { dkimDomain: domain, dkimSelector: selector, dkimKey: keyFile } = options;
  if (domain === undefined && selector === undefined && keyFile === undefined) return null;
  if (domain === undefined || selector === undefined || keyFile === undefined) {
    throw bad('dkim-domain, dkim-selector and dkim-key go together');
  }
  return new Signer({ domain, selector, keyFile });
}

/** The end of the stream, without the stream. */
function hashOf(body: {
  once(event: 'hash', heard: (hash: string) => void): unknown;
  _flush(done: () => void): void;
}): string {
  let hash = '';
  body.once('hash', (value) => {
    hash = value;
  });
  body._flush(() => {});
  return hash;
}

function readKey(file: string): KeyObject {
  let pem: Buffer;
  try {
    pem = readFileSync(file);
  } catch (error) {
    throw bad(`dkim-key: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw bad(`dkim-key: ${file} holds no private key in PEM, or one with a passphrase`);
  }
  if (key.asymmetricKeyType !== 'rsa') throw bad(`dkim-key: ${file} holds a key that is not RSA`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_KEY_BITS) throw bad(`dkim-key: ${file} holds a key of ${bits} bits; ${MIN_KEY_BITS} are the least`);
  return key;
}

function bad(why: string): ChatError {
  return new ChatError('BAD_OPTION', why);
}
