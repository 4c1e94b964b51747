// The key of a database from which passwords of namespaces are made: beside the file, or from what every node of a
// server knows. A temporary database has one for as long.
import { createHmac, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { ChatError } from '../../src/errors.ts';
import { isPostgresUrl } from '../store/postgres-url.ts';

const KEY_BYTES = 32;

/** Made when it is not there. Rejects with STORE_FAILED when it can be neither read nor written. */
export async function loginKey(database: string | undefined): Promise<Buffer> {
  if (database === undefined) return randomBytes(KEY_BYTES);
  if (isPostgresUrl(database)) return createHmac('sha256', 'lonedot namespaces').update(database).digest();
  const file = `${database}.key`;
  try {
    await writeFile(file, randomBytes(KEY_BYTES).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw failed(file, (error as Error).message, error);
  }
  let text: string;
  try {
    text = await readFile(file, 'latin1');
  } catch (error) {
    throw failed(file, (error as Error).message, error);
  }
  if (!/^[\da-f]{64}\s*$/.test(text)) throw failed(file, 'it holds no key; remove it, and logins of namespaces change');
  return Buffer.from(text.trim(), 'hex');
}

function failed(file: string, why: string, cause?: unknown): ChatError {
  return new ChatError('STORE_FAILED', `${file}: ${why}`, { file }, cause);
}
