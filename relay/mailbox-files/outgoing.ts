// What `sendmail` makes of the text that a program writes to it: who it is for, the fields that a mail must have and that
// programs leave to sendmail, Bcc taken out, and where the text ends. The header is held, the body never is.
import { randomBytes } from 'node:crypto';
import { rfc5322Date } from '../smtp/received.ts';
import { addressesIn, type Head, type HeadField, readHead } from './head.ts';

export interface OutgoingOptions {
  /** For a From field and a Message-ID that are missing. */
  readonly sender: string;
  readonly fullName: string;
  readonly hostname: string;
  readonly now: Date;
  /** The header says who it is for, and its Bcc is taken out (-t). */
  readonly readsRecipients: boolean;
  /** A line that is a lone dot is text, and not the end of it (-i). */
  readonly ignoresDots: boolean;
}

export interface Outgoing {
  /** Those of the header with `readsRecipients`; else none. */
  readonly recipients: readonly string[];
  readonly isUtf8: boolean;
  /** The line endings are still the program's. */
  readonly content: AsyncIterable<Buffer>;
}

const LF = 10;
const CR = 13;
const DOT = 46;
const CRLF = Buffer.from('\r\n');
const RECIPIENTS: ReadonlySet<string> = new Set(['to', 'cc', 'bcc']);
/** RFC 5322 3.6.6: these say who a mail is sent to that is sent once more. */
const RESENT: ReadonlySet<string> = new Set(['resent-to', 'resent-cc', 'resent-bcc']);
const BLIND: ReadonlySet<string> = new Set(['bcc', 'resent-bcc']);

/** Rejects with HeadTooLong, or with what the input rejects with. */
export async function readOutgoing(input: AsyncIterable<Buffer>, options: OutgoingOptions): Promise<Outgoing> {
  const text = options.ignoresDots ? input : untilLoneDot(input);
  const head = await readHead(withoutFromLine(text));
  const { fields } = head;
  const isResent = fields.some(({ name }) => RESENT.has(name));
  const recipients = options.readsRecipients ? addressesIn(fields, isResent ? RESENT : RECIPIENTS) : [];
  const block = headOf(head, options);
  return { recipients, isUtf8: block.some((byte) => byte > 127), content: whole(block, head) };
}

/** The header as it is sent. */
function headOf({ block, fields }: Head, options: OutgoingOptions): Buffer {
  const kept: Buffer[] = [];
  let at = 0;
  if (options.readsRecipients) {
    for (const { name, start, end } of fields) {
      if (!BLIND.has(name)) continue;
      kept.push(block.subarray(at, start));
      at = end;
    }
  }
  kept.push(block.subarray(at));
  const isCut = block.length > 0 && block.at(-1) !== LF;
  return Buffer.concat([...kept, ...(isCut ? [CRLF] : []), Buffer.from(missingFields(fields, options), 'utf8')]);
}

function missingFields(fields: readonly HeadField[], options: OutgoingOptions): string {
  const { sender, fullName, hostname, now } = options;
  const has = (name: string): boolean => fields.some((field) => field.name === name);
  const lines: string[] = [];
  if (!has('from')) lines.push(`From: ${fullName === '' ? '' : `${displayName(fullName)} `}<${sender}>`);
  if (!has('date')) lines.push(`Date: ${rfc5322Date(now)}`);
  if (!has('message-id'))
    lines.push(`Message-ID: <${now.getTime().toString(36)}.${randomBytes(9).toString('hex')}@${hostname}>`);
  return lines.map((line) => `${line}\r\n`).join('');
}

/** RFC 5322 3.2.5: what is not made of atoms is quoted; beyond ASCII it is an encoded word (RFC 2047). */
function displayName(name: string): string {
  const text = name.replaceAll(/\p{Cc}+/gu, ' ');
  if (/[^ -~]/.test(text)) return encodedWords(text);
  return /^[\w !#$%&'*+/=?^`{|}~-]*$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Each of at most 75 characters (RFC 2047 section 2), and none with half a character in it. */
function encodedWords(text: string): string {
  const words: string[] = [''];
  for (const character of text) {
    const last = words.at(-1)!;
    if (Buffer.byteLength(last + character) > 45) words.push(character);
    else words[words.length - 1] = last + character;
  }
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word, 'utf8').toString('base64')}?=`).join(' ');
}

async function* whole(block: Buffer, { isEnded, rest }: Head): AsyncGenerator<Buffer, void, undefined> {
  yield isEnded ? block : Buffer.concat([block, CRLF]);
  yield* rest;
}

/** Some programs write the From line of an mbox first. */
async function* withoutFromLine(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let held: Buffer | null = Buffer.alloc(0);
  for await (const piece of input) {
    if (held === null) {
      yield piece;
      continue;
    }
    held = Buffer.concat([held, piece]);
    const lf = held.indexOf(LF);
    const isOther = !'From '.startsWith(held.toString('latin1', 0, 5));
    if (lf < 0 && !isOther && held.length < 1000) continue;
    const first = held;
    held = null;
    const from = !isOther && lf >= 5 ? lf + 1 : 0;
    if (from < first.length) yield first.subarray(from);
  }
  if (held !== null && held.length > 0) yield held;
}

/** Up to a line that is a lone dot, where the text ends; what stands behind it is not read. */
async function* untilLoneDot(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  /** The beginning of a line that is cut: nothing, ".", or ".\r". */
  let held: Buffer = Buffer.alloc(0);
  let isLineStart = true;
  for await (const piece of input) {
    const chunk: Buffer = held.length > 0 ? Buffer.concat([held, piece]) : piece;
    held = Buffer.alloc(0);
    for (let at = 0; at < chunk.length; ) {
      const lf = chunk.indexOf(LF, at);
      if (isLineStart && chunk[at] === DOT) {
        const isDot = lf === at + 1 || (lf === at + 2 && chunk[at + 1] === CR);
        const isCut = lf < 0 && (chunk.length === at + 1 || (chunk.length === at + 2 && chunk[at + 1] === CR));
        if (isDot || isCut) {
          if (at > 0) yield chunk.subarray(0, at);
          if (isDot) return;
          held = Buffer.from(chunk.subarray(at));
          break;
        }
      }
      isLineStart = lf >= 0;
      if (lf < 0) break;
      at = lf + 1;
    }
    if (held.length === 0) yield chunk;
  }
  // A dot without an end of its line, at the end of the text, ends it as well.
}
