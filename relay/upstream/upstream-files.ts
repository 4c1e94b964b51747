// The files that an upstream's URL names: who is trusted, and the certificate that this side shows. Read at the start, so
// that a wrong path is an error then and not the first mail's.
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { ChatError } from '../../src/errors.ts';
import type { Upstream } from './upstream.ts';

export interface TlsFiles {
  /** Made once, not for every connection. */
  readonly secureContext?: SecureContext;
}

/** Throws ChatError BAD_OPTION when a file cannot be read or is not what it should be. */
export function readTlsFiles({ name, ca, cert, key }: Upstream): TlsFiles {
  if (ca === null && cert === null) return {};
  const read = (parameter: string, file: string | null): { [name: string]: Buffer } => {
    if (file === null) return {};
    try {
      return { [parameter]: readFileSync(file) };
    } catch (error) {
      throw bad(name, `${parameter}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  };
  const files = { ...read('ca', ca), ...read('cert', cert), ...read('key', key) };
  try {
    return { secureContext: createSecureContext(files) };
  } catch (error) {
    throw bad(name, `${[ca, cert, key].filter(Boolean).join(', ')}: ${(error as Error).message}`);
  }
}

function bad(name: string, why: string): ChatError {
  return new ChatError('BAD_OPTION', `bad upstream ${name}: ${why}`);
}
