// The self-signed certificate of this server: made when it is first wanted, kept in a file so that clients which have
// learned to trust it are not asked again, made anew before it ends or when the server's name has changed.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Log } from './log.ts';
import { isOutdated, type KeyAndCertificate, makeSelfSigned } from './self-signed.ts';

export interface OwnCertificate {
  /** Host names and IP addresses that it is for. */
  readonly names: readonly string[];
  /** Where it is kept, key and certificate together; null for one that goes with the process. */
  readonly file: string | null;
}

/** The one that is kept, or a new one. A file that cannot be written is logged: the certificate then is for now only. */
export function ownCertificate({ names, file }: OwnCertificate, log: Log, now = new Date()): KeyAndCertificate {
  const kept = file === null ? null : read(file);
  if (kept && !isOutdated(kept.certificate, names, now)) return kept;
  const made = makeSelfSigned(names, now);
  if (file !== null) {
    try {
      writeKept(file, made.key + made.certificate);
    } catch (error) {
      log.warn('tls.certificate_not_kept', { file, error: (error as Error).message });
    }
  }
  log.info('tls.certificate_made', { names, ...(file === null ? {} : { file }) });
  return made;
}

function read(file: string): KeyAndCertificate | null {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const certificate = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?/s.exec(text)?.[0];
  const key = /-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----\n?/s.exec(text)?.[0];
  // What is damaged was ours alone: another takes its place.
  return key && certificate ? { key, certificate } : null;
}

/** In one step, and readable by nobody else from its first byte on. */
export function writeKept(file: string, text: string): void {
  const draft = `${file}.${process.pid}.new`;
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}
