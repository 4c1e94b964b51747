// Recordings: the journal written to files as it grows.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { ChatError } from '../../src/errors.ts';
import type { Log } from '../../src/log.ts';
import type { Journal } from '../dialogue/journal.ts';
import { Watcher } from '../dialogue/watcher.ts';
import { jsonScribe } from './jsonl.ts';
import { PcapScribe } from './pcapng.ts';

/** What a slow disk may have to catch up with, in bytes, before events are left out. */
const HIGH_WATER = 8 * 1024 * 1024;

/** Opens a file, which replaces an older one of that name. Rejects with ChatError BAD_OPTION. */
export async function record(journal: Journal, file: string, keepSecrets: boolean, log: Log): Promise<Watcher> {
  // Traffic is nobody else's business.
  const stream = createWriteStream(file, { mode: 0o600, highWaterMark: HIGH_WATER });
  try {
    await once(stream, 'open');
  } catch (error) {
    throw new ChatError('BAD_OPTION', `--record: cannot write ${file}: ${(error as Error).message}`, {}, error);
  }
  const scribe = file.endsWith('.pcapng') ? new PcapScribe(keepSecrets) : jsonScribe(keepSecrets);
  return new Watcher(journal, scribe, stream, {
    onError: (error) => log.error('recording.failed', { file, error }),
  });
}
