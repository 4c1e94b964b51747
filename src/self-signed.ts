// A certificate for whoever has none: X.509 version 3 (RFC 5280) over a fresh P-256 key, signed by that key itself.
// Node can do all of the cryptography and none of the writing; the packages that can bring twenty others along (see
// docs/decisions). Loaded only when one is to be made.
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { bits, explicit, implicit, integer, NULL, octets, oid, sequence, set, TRUE, time, utf8 } from './der.ts';
import { ipv6ToBytes } from './ipv6.ts';

export interface KeyAndCertificate {
  /** Both in PEM. */
  readonly key: string;
  readonly certificate: string;
}

const DAY_MS = 86_400_000;
/** Apple's systems take no server certificate that is valid for longer. */
export const VALID_DAYS = 825;
const RENEW_DAYS = 30;
/** Clocks differ: a client's may be behind. */
const BACKDATED_DAYS = 1;
const MAX_COMMON_NAME = 64;

/** For these host names and IP addresses, the first of which is its subject. */
export function makeSelfSigned(names: readonly string[], now = new Date()): KeyAndCertificate {
  const { key, publicKey } = makeKey();
  const subject = commonName(names[0] ?? 'localhost');
  const certificate = makeCertificate({
    ...{ subject, issuer: subject, publicKey, signer: createPrivateKey(key), now, days: VALID_DAYS },
    extensions: serverExtensions(names, publicKey),
  });
  return { key, certificate };
}

export interface CertificateParts {
  /** Names in DER. */
  readonly subject: Buffer;
  readonly issuer: Buffer;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  /** An EC or RSA key. */
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly now: Date;
  readonly days: number;
}

/** In PEM. */
export function makeCertificate(parts: CertificateParts): string {
  const { subject, issuer, publicKey, signer, now, days } = parts;
  const isRsa = signer.asymmetricKeyType === 'rsa';
  // sha256WithRSAEncryption, which wants its NULL (RFC 4055 5); ecdsa-with-SHA256
  const algorithm = isRsa ? sequence(oid('1.2.840.113549.1.1.11'), NULL) : sequence(oid('1.2.840.10045.4.3.2'));
  const body = sequence(
    explicit(0, integer(Buffer.of(2))), // version 3
    integer(serialNumber()),
    algorithm,
    issuer,
    sequence(time(daysFrom(now, -BACKDATED_DAYS)), time(daysFrom(now, days - BACKDATED_DAYS))),
    subject,
    publicKey,
    explicit(3, sequence(...parts.extensions)),
  );
  return pem(sequence(body, algorithm, bits(sign('sha256', body, signer))));
}

/** A fresh P-256 key: the private one in PEM, the public one in DER. */
export function makeKey(): { readonly key: string; readonly publicKey: Buffer } {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { key, publicKey };
}

export function commonName(name: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(name.slice(0, MAX_COMMON_NAME)))));
}

/** Whether it is time for another: it ends soon, or is not for all of these names. */
export function isOutdated(certificate: string, names: readonly string[], now = new Date()): boolean {
  const x509 = new X509Certificate(certificate);
  if (Date.parse(x509.validTo) < daysFrom(now, RENEW_DAYS).getTime()) return true;
  return !names.every((name) => (isIP(name) > 0 ? x509.checkIP(name) : x509.checkHost(name)) !== undefined);
}

/** Of a server's certificate. */
export function serverExtensions(names: readonly string[], publicKey: Buffer): Buffer[] {
  return [
    // Not one that could vouch for others: whoever trusts it trusts this server and nothing else.
    extension('2.5.29.19', true, sequence()), // basicConstraints
    extension('2.5.29.15', true, bits(Buffer.of(0x80), 7)), // keyUsage: digitalSignature
    extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'))), // extKeyUsage: serverAuth
    extension('2.5.29.17', false, sequence(...names.map(generalName))), // subjectAltName
    extension('2.5.29.14', false, octets(keyIdentifier(publicKey))), // subjectKeyIdentifier
  ];
}

export function keyIdentifier(publicKey: Buffer): Buffer {
  return createHash('sha1').update(publicKey).digest();
}

export function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(isCritical ? [TRUE] : []), octets(value));
}

function generalName(name: string): Buffer {
  if (isIP(name) === 0) return implicit(2, Buffer.from(name, 'latin1'));
  return implicit(7, isIPv4(name) ? Buffer.from(name.split('.').map(Number)) : ipv6ToBytes(name));
}

/** 16 random bytes: never zero, never negative, never twice. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

function daysFrom(now: Date, days: number): Date {
  return new Date(now.getTime() + days * DAY_MS);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
