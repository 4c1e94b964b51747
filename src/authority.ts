// A certificate authority of our own: signs certificates for any name, for those who have been told to trust it. Its key
// is the key to everything that these people encrypt: it is made on this machine, kept readable by nobody else, and
// given to nobody. Loaded only when it is asked for.
import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { bits, contents, implicit, integer, items, octets, oid, sequence, TRUE } from './der.ts';
import { ChatError } from './errors.ts';
import type { Log } from './log.ts';
import { writeKept } from './own-certificate.ts';
import {
  commonName,
  extension,
  type KeyAndCertificate,
  keyIdentifier,
  makeCertificate,
  makeKey,
  serverExtensions,
  VALID_DAYS,
} from './self-signed.ts';

const AUTHORITY_DAYS = 3650;
/** Names are said by clients: more than these are not remembered. */
const MAX_CONTEXTS = 1000;
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';

export class Authority {
  /** Its own certificate, in PEM: what clients are to trust. */
  readonly certificate: string;
  private readonly signer: KeyObject;
  private readonly subject: Buffer;
  private readonly identifier: Buffer | null;
  /** One key for all names: it lives as long as this process. */
  private readonly leafKey = makeKey();
  private readonly contexts = new Map<string, SecureContext>();

  /** Throws ChatError BAD_OPTION for what is no authority. */
  constructor({ key, certificate }: KeyAndCertificate, file: string) {
    const bad = (why: string): ChatError => new ChatError('BAD_OPTION', `ca: ${file} ${why}`);
    let x509: X509Certificate;
    try {
      x509 = new X509Certificate(certificate);
      this.signer = createPrivateKey(key);
    } catch {
      throw bad('does not hold a certificate and its private key in PEM');
    }
    if (!x509.ca) throw bad('is not the certificate of an authority');
    if (!x509.checkPrivateKey(this.signer)) throw bad('has a key that is not that of its certificate');
    if (!['ec', 'rsa'].includes(this.signer.asymmetricKeyType ?? '')) throw bad('has a key that is neither EC nor RSA');
    const end = Date.parse(x509.validTo);
    if (end < Date.now()) throw bad(`has ended on ${new Date(end).toISOString().slice(0, 10)}`);
    this.certificate = certificate;
    ({ subject: this.subject, identifier: this.identifier } = read(x509.raw));
  }

  /** What a server needs that says to be `name`, a host name or an IP address. */
  context(name: string): SecureContext {
    const known = this.contexts.get(name);
    if (known) return known;
    const { key, certificate } = this.sign(name);
    const made = createSecureContext({
      ...{ key, cert: certificate + this.certificate, minVersion: 'TLSv1.2' },
      // Only old attacks ask for it (CVE-2009-3555, CVE-2011-1473); TLS 1.3 has none.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    });
    if (this.contexts.size >= MAX_CONTEXTS) this.contexts.delete(this.contexts.keys().next().value!);
    this.contexts.set(name, made);
    return made;
  }

  /** A certificate for `name`. */
  sign(name: string, now = new Date()): KeyAndCertificate {
    const { key, publicKey } = this.leafKey;
    const { signer, identifier, subject: issuer } = this;
    const extensions = serverExtensions([name], publicKey);
    // authorityKeyIdentifier
    if (identifier) extensions.push(extension('2.5.29.35', false, sequence(implicit(0, identifier))));
    const certificate = makeCertificate({
      ...{ subject: commonName(name), issuer, publicKey, signer, extensions, now, days: VALID_DAYS },
    });
    return { key, certificate };
  }
}

/**
 * The authority in `file`, its key and its certificate. Without such a file it is made, with the certificate alone in
 * `file.crt` beside it, for those who are to trust it. Throws ChatError BAD_OPTION.
 */
export function loadAuthority(file: string, log: Log): Authority {
  try {
    if (existsSync(file)) return readAuthority(file, log);
    const made = makeAuthority('lonedot proxy');
    const certificate = `${file}.crt`;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeKept(file, made.key + made.certificate);
    writeFileSync(certificate, made.certificate, { mode: 0o644 });
    log.info('tls.authority_made', { file, certificate });
    return new Authority(made, file);
  } catch (error) {
    if (error instanceof ChatError) throw error;
    throw new ChatError('BAD_OPTION', `ca: ${(error as Error).message}`, {}, error);
  }
}

function readAuthority(file: string, log: Log): Authority {
  const text = readFileSync(file, 'latin1');
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0)
    log.warn('tls.key_readable_by_others', { file });
  const certificate = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?/s.exec(text)?.[0] ?? '';
  return new Authority({ key: text, certificate }, file);
}

export function makeAuthority(name: string, now = new Date()): KeyAndCertificate {
  const { key, publicKey } = makeKey();
  const subject = commonName(name);
  const extensions = [
    // It may sign servers, and no other authorities.
    extension('2.5.29.19', true, sequence(TRUE, integer(Buffer.of(0)))), // basicConstraints
    extension('2.5.29.15', true, bits(Buffer.of(0x06), 1)), // keyUsage: keyCertSign, cRLSign
    extension(SUBJECT_KEY_IDENTIFIER, false, octets(keyIdentifier(publicKey))),
  ];
  const signer = createPrivateKey(key);
  const certificate = makeCertificate({
    ...{ subject, issuer: subject, publicKey, signer, extensions, now, days: AUTHORITY_DAYS },
  });
  return { key, certificate };
}

/** Its name and its key's, as they have to stand in what it signs. */
function read(raw: Buffer): { subject: Buffer; identifier: Buffer | null } {
  const body = items(items(raw)[0]!);
  // version, serial number, algorithm, issuer, validity, subject, key, and then the extensions under [3]
  const subject = body[5]!;
  const extensions = body.find((item) => item[0] === 0xa3);
  const wanted = oid(SUBJECT_KEY_IDENTIFIER);
  const found = extensions && items(contents(extensions)).find((item) => items(item)[0]!.equals(wanted));
  return { subject, identifier: found ? contents(contents(items(found).at(-1)!)) : null };
}
