// The server's side of TLS: certificates from files, read again when they change, chosen by the name that the client
// asks for; or one of our own. Asked at each handshake, so a renewed certificate holds from the next one on; connections
// that are open keep theirs. A renewal that is half done (a new certificate with the old key) is logged and waited out.
import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls';
import { type Clock, realClock } from './clock.ts';
import { ChatError } from './errors.ts';
import { FileWatch } from './file-watch.ts';
import type { Log } from './log.ts';
import { type OwnCertificate, ownCertificate } from './own-certificate.ts';
import type { KeyAndCertificate } from './self-signed.ts';
import type { TlsOptions } from './tls-upgrade.ts';

export interface CertificateFiles {
  /** PEM: the certificate, and behind it those that lead to one that clients know. */
  readonly certificate: string;
  /** PEM, not encrypted; null when it stands in the same file. */
  readonly key: string | null;
}

export interface CertificateOptions {
  /** The first one is for clients that ask for no name, or for one that no certificate has. */
  readonly files: readonly CertificateFiles[];
  /** Used when there are no files. */
  readonly own: OwnCertificate;
  /** PEM file of those whose word is taken for clients' certificates; null asks no client for one. */
  readonly clientAuthorities: string | null;
}

export type ServerTlsOptions = Omit<Extract<TlsOptions, { role: 'server' }>, 'role'>;

interface Loaded {
  readonly x509: X509Certificate;
  readonly pair: KeyAndCertificate;
  /** Of clients; null when none is asked for its certificate. */
  readonly authorities: string | null;
  /** By least version; made when it is first used. */
  readonly contexts: Map<SecureVersion, SecureContext>;
}

/** How long before its end a certificate of our own is replaced, and one from a file is complained about. */
const ENDS_SOON_MS = 14 * 86_400_000;
const HOUR_MS = 3_600_000;

export class Certificates {
  private readonly options: CertificateOptions;
  private readonly log: Log;
  private readonly clock: Clock;
  private readonly watch: FileWatch;
  private loaded: readonly [Loaded, ...Loaded[]];
  private checkedAt: number;

  /** Throws BAD_OPTION when a file cannot be read, or key and certificate do not belong together. */
  constructor(options: CertificateOptions, log: Log, clock: Clock = realClock) {
    this.options = options;
    this.log = log;
    this.clock = clock;
    const { files, clientAuthorities } = options;
    const paths = [...files.flatMap(({ certificate, key }) => [certificate, key]), clientAuthorities];
    // Before they are read: a change in between is seen at the next look.
    this.watch = new FileWatch(
      paths.filter((path) => path !== null),
      clock,
    );
    this.loaded = this.load();
    this.checkedAt = clock.now();
  }

  /** What a handshake needs, with this least version of TLS. */
  secureContextOptions(least: SecureVersion = 'TLSv1.2'): ServerTlsOptions {
    this.refresh();
    const { loaded } = this;
    const context = (one: Loaded): SecureContext => contextOf(one, least);
    return {
      secureContext: context(loaded[0]),
      ...(loaded.length > 1
        ? {
            SNICallback: (name, done) =>
              done(null, context(loaded.find(({ x509 }) => x509.checkHost(name) !== undefined) ?? loaded[0])),
          }
        : {}),
      // Any client is let in; only a certificate that was checked gives it a name.
      ...(loaded[0].authorities === null ? {} : { requestCert: true, rejectUnauthorized: false }),
    };
  }

  /** The next handshake looks at the files, however soon it comes. */
  lookSoon(): void {
    this.watch.lookSoon();
  }

  private refresh(): void {
    const now = this.clock.now();
    const isOwn = this.options.files.length === 0;
    const isDue = isOwn && Math.abs(now - this.checkedAt) > HOUR_MS;
    if (isDue) this.checkedAt = now;
    if (!this.watch.hasChanged() && !(isDue && endOf(this.loaded[0].x509) - now < ENDS_SOON_MS)) return;
    try {
      this.loaded = this.load();
      this.log.info('tls.certificates_reloaded', { names: this.loaded.map(({ x509 }) => x509.subjectAltName) });
    } catch (error) {
      this.log.error('tls.reload_failed', { error: (error as Error).message });
    }
  }

  private load(): [Loaded, ...Loaded[]] {
    const { files, own, clientAuthorities } = this.options;
    const authorities = clientAuthorities === null ? null : readText(clientAuthorities, 'tls-client-ca');
    const [first, ...others] = files.map((one) => this.loadFiles(one, authorities));
    if (first) return [first, ...others];
    const pair = ownCertificate(own, this.log, new Date(this.clock.now()));
    return [{ pair, x509: new X509Certificate(pair.certificate), authorities, contexts: new Map() }];
  }

  private loadFiles({ certificate: file, key: keyFile }: CertificateFiles, authorities: string | null): Loaded {
    const certificate = readText(file, 'tls-cert');
    const key = keyFile === null ? certificate : readText(keyFile, 'tls-key');
    let x509: X509Certificate;
    try {
      x509 = new X509Certificate(certificate);
    } catch {
      throw new ChatError('BAD_OPTION', `tls-cert: ${file} holds no certificate in PEM`);
    }
    let belongs: boolean;
    try {
      belongs = x509.checkPrivateKey(createPrivateKey(key));
    } catch {
      const where = keyFile ?? `${file} (tls-key is not given)`;
      throw new ChatError('BAD_OPTION', `tls-key: ${where} holds no private key in PEM, or an encrypted one`);
    }
    if (!belongs) throw new ChatError('BAD_OPTION', `tls-key: ${keyFile ?? file} is not the key of ${file}`);
    const ends = endOf(x509);
    if (ends - this.clock.now() < ENDS_SOON_MS) {
      this.log.warn('tls.certificate_ends_soon', { file, ends: new Date(ends).toISOString() });
    }
    const secret = keyFile ?? file;
    if (process.platform !== 'win32' && (statSync(secret).mode & 0o007) !== 0) {
      this.log.warn('tls.key_readable_by_others', { file: secret });
    }
    const loaded = { x509, pair: { key, certificate }, authorities, contexts: new Map() };
    // What OpenSSL has to say against it is heard here, and not by the first client.
    try {
      contextOf(loaded, 'TLSv1.2');
    } catch (error) {
      throw new ChatError('BAD_OPTION', `tls-cert: ${file} cannot be used: ${(error as Error).message}`, {}, error);
    }
    return loaded;
  }
}

function contextOf({ pair, authorities, contexts }: Loaded, minVersion: SecureVersion): SecureContext {
  const known = contexts.get(minVersion);
  if (known) return known;
  const made = createSecureContext({
    key: pair.key,
    cert: pair.certificate,
    minVersion,
    honorCipherOrder: true,
    // Only old attacks ask for it (CVE-2009-3555, CVE-2011-1473); TLS 1.3 has none.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    // Without it a client that comes back with a ticket and a certificate is refused.
    sessionIdContext: 'lonedot',
    ...(authorities === null ? {} : { ca: authorities }),
  });
  contexts.set(minVersion, made);
  return made;
}

function endOf(x509: X509Certificate): number {
  return Date.parse(x509.validTo);
}

function readText(file: string, option: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'permission denied' : message;
    throw new ChatError('BAD_OPTION', `${option}: ${file} cannot be read: ${why}`, {}, error);
  }
}
