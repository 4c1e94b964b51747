// The messages in what a user names: a file with one, an mbox, a Maildir, a folder of any of these, standard input. One
// after the other and as streams, however many and however long they are.
import type { Dirent } from 'node:fs';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type MboxMessage, readMbox } from './mbox-read.ts';
import { senderOfFromLine } from './mbox-split.ts';

export const MAILBOX_FORMATS = ['auto', 'eml', 'mbox', 'mboxo', 'maildir'] as const;
export type MailboxFormat = (typeof MAILBOX_FORMATS)[number];

export interface MailFile {
  /** For reports: the file, and in an mbox the number of the message: `sent.mbox:17`. */
  readonly label: string;
  /** The envelope's, where the file tells it (a From line); undefined where it does not. */
  readonly sender: string | undefined;
  /** To be read before the next message is asked for. */
  readonly content: AsyncIterable<Buffer>;
}

/** What cannot be read, in place of the messages in it. */
export interface Unreadable {
  readonly label: string;
  readonly error: Error;
}

const FROM = Buffer.from('From ', 'latin1');
const NO_INPUT = Readable.from([]);
const PIECE_BYTES = 256 * 1024;
/** In a folder; what is named itself is read whatever its name is. */
const MESSAGE_NAME = /\.eml$/i;
const MBOX_NAME = /\.mbo?x$/i;

/** Everything in `path`, `-` for `input`. Rejects never: what cannot be read is told in its place. */
export async function* mailIn(
  path: string,
  format: MailboxFormat,
  input: Readable,
): AsyncGenerator<MailFile | Unreadable, void, undefined> {
  if (path === '-') return yield* inStream('-', format, input);
  try {
    if (!(await stat(path)).isDirectory()) {
      if (format === 'maildir') throw new Error('a Maildir is a folder');
      return yield* inStream(path, format, createReadStream(path, { highWaterMark: PIECE_BYTES }));
    }
  } catch (error) {
    return yield { label: path, error: error as Error };
  }
  yield* inFolder(path, format);
}

async function* inFolder(
  folder: string,
  format: MailboxFormat,
): AsyncGenerator<MailFile | Unreadable, void, undefined> {
  let entries: Dirent[];
  try {
    entries = (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    return yield { label: folder, error: error as Error };
  }
  const folders = new Set(entries.filter((one) => one.isDirectory()).map(({ name }) => name));
  const isMaildir = folders.has('cur') && folders.has('new');
  if (format === 'maildir' && !isMaildir)
    return yield { label: folder, error: new Error('it is no Maildir: it has no folders "cur" and "new"') };
  if (isMaildir && (format === 'auto' || format === 'maildir')) {
    for (const part of ['cur', 'new']) yield* inMaildir(join(folder, part));
    // Maildir++: the folders of an account stand beside its inbox, each with a dot before its name.
    for (const name of folders) if (/^\.[^.]/.test(name)) yield* inFolder(join(folder, name), 'auto');
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* inFolder(path, format);
    else if (isWanted(entry.name, format)) yield* mailIn(path, format, NO_INPUT);
  }
}

function isWanted(name: string, format: MailboxFormat): boolean {
  if (name.startsWith('.')) return false;
  if (format === 'eml') return MESSAGE_NAME.test(name);
  if (format === 'mbox' || format === 'mboxo') return MBOX_NAME.test(name);
  return MESSAGE_NAME.test(name) || MBOX_NAME.test(name);
}

async function* inMaildir(folder: string): AsyncGenerator<MailFile | Unreadable, void, undefined> {
  let names: string[];
  try {
    // Names begin with the time of delivery.
    names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
  } catch (error) {
    return yield { label: folder, error: error as Error };
  }
  for (const name of names) {
    const path = join(folder, name);
    yield* inStream(path, 'eml', createReadStream(path, { highWaterMark: PIECE_BYTES }));
  }
}

async function* inStream(
  label: string,
  format: MailboxFormat,
  stream: Readable,
): AsyncGenerator<MailFile | Unreadable, void, undefined> {
  try {
    const { first, all } = await begin(stream);
    const isMbox = format === 'auto' ? first.subarray(0, FROM.length).equals(FROM) : format !== 'eml';
    if (!isMbox) {
      yield { label, sender: undefined, content: all };
      return;
    }
    let n = 0;
    for await (const message of readMbox(all, format === 'mboxo' ? 'mboxo' : 'mboxrd'))
      yield entry(label, ++n, message);
  } catch (error) {
    yield { label, error: error as Error };
  } finally {
    stream.destroy();
  }
}

function entry(label: string, n: number, { line, content }: MboxMessage): MailFile {
  return { label: `${label}:${n}`, sender: senderOfFromLine(line), content };
}

/** The first bytes, enough of them to know a From line, and the whole stream, the first bytes included. */
async function begin(stream: Readable): Promise<{ first: Buffer; all: AsyncIterable<Buffer> }> {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let first: Buffer = Buffer.alloc(0);
  let isDone = false;
  while (first.length < FROM.length && !isDone) {
    const { done, value } = await iterator.next();
    if (done) isDone = true;
    else first = Buffer.concat([first, value]);
  }
  async function* all(): AsyncGenerator<Buffer, void, undefined> {
    if (first.length > 0) yield first;
    if (isDone) return;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  }
  return { first, all: all() };
}
