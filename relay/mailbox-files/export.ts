// Messages out of an inbox into files: a folder with one .eml each, byte for byte, or one mbox.
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type MboxEntry, mboxOf } from './mbox-write.ts';

export interface ExportMail extends MboxEntry {
  /** Made of letters, digits, `-` and `_`: the file's name. */
  readonly id: string;
}

/** Writes each message to `ID.eml` in the folder, which is made if need be; tells after each how many there are. */
export async function exportFolder(
  messages: AsyncIterable<ExportMail>,
  folder: string,
  progress: (messages: number) => void,
): Promise<number> {
  await mkdir(folder, { recursive: true });
  let count = 0;
  for await (const { id, content } of messages) {
    await writeWhole(join(folder, `${id}.eml`), content);
    progress(++count);
  }
  return count;
}

/** Writes all messages to one file, which may not be there yet. */
export async function exportMbox(
  messages: AsyncIterable<ExportMail>,
  file: string,
  progress: (messages: number) => void,
): Promise<number> {
  const counted = new Counted(messages, progress);
  await writeWhole(file, mboxOf(counted), 'wx');
  return counted.count;
}

/** The mbox to a stream of the caller's. */
export async function printMbox(
  messages: AsyncIterable<ExportMail>,
  write: (bytes: Buffer) => Promise<void>,
  progress: (messages: number) => void,
): Promise<number> {
  const counted = new Counted(messages, progress);
  for await (const bytes of mboxOf(counted)) await write(bytes);
  return counted.count;
}

class Counted {
  count = 0;
  readonly #messages: AsyncIterable<ExportMail>;
  readonly #progress: (messages: number) => void;

  constructor(messages: AsyncIterable<ExportMail>, progress: (messages: number) => void) {
    this.#messages = messages;
    this.#progress = progress;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ExportMail, void, undefined> {
    for await (const message of this.#messages) {
      yield message;
      this.#progress(++this.count);
    }
  }
}

/** Under its name only when it is whole: who looks in meanwhile sees no half of a message. */
async function writeWhole(
  file: string,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
  flag: 'w' | 'wx' = 'w',
): Promise<void> {
  if (flag === 'wx') await claim(file);
  const draft = `${file}.part`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(draft, 'w', 0o600);
    for await (const piece of content) await handle.write(piece);
    await handle.close();
    await rename(draft, file);
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(draft, { force: true });
    if (flag === 'wx') await rm(file, { force: true });
    throw error;
  }
}

/** Makes the file, which may not be there yet. */
async function claim(file: string): Promise<void> {
  try {
    await (await open(file, 'wx', 0o600)).close();
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw isThere ? Object.assign(new Error(`${file}: there is a file of that name`), { code: 'EEXIST' }) : error;
  }
}
