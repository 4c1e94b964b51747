// The last part of a report: the message that it is about, whole or its header alone (RFC 6522). What comes back must
// pass anywhere, or the sender hears nothing: so it is whole only when it is short and harmless, a header in UTF-8 goes
// as message/global in ASCII clothes (RFC 6533), and what is neither ASCII nor UTF-8 is crossed out.
import { isUtf8 } from 'node:buffer';
import type { Content } from '../upstream/courier.ts';
import { quotedPrintable } from './notice-text.ts';

/** The beginning of a message, or all of it. */
export interface Excerpt {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

export interface OriginalPart {
  /** With its encoding: the fields of the part's header. */
  readonly fields: readonly string[];
  readonly body: Buffer;
  /** It holds 8-bit bytes, so the report needs 8BITMIME. */
  readonly isEightBit: boolean;
}

/** Header fields of a message that is no longer than this are returned as they are. */
const HEADER_ROOM = 16_384;

/** Reads no more of a message than a report can hold. */
export async function excerpt(content: Content, limit: number): Promise<Excerpt> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of content) {
    pieces.push(piece);
    size += piece.length;
    if (size > limit) break;
  }
  const all = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  return { bytes: all.subarray(0, limit), isWhole: size <= limit };
}

/** The part for `excerpt` in at most `room` bytes; `whole` when more than the header is wanted. */
export function originalPart({ bytes, isWhole }: Excerpt, whole: boolean, room: number): OriginalPart {
  const head = headerOf(bytes);
  const isGlobal = !isSevenBit(head) && isUtf8(head);
  if (whole && isWhole && bytes.length <= room && isHarmless(bytes) && (isSevenBit(head) || isGlobal)) {
    const part = isGlobal ? encoded('message/global', bytes) : plain('message/rfc822', bytes);
    if (part.body.length <= room) return part;
  }
  // Encoded, each byte may take three and each line a little more.
  const lines = cutAtLine(tidy(head), Math.min(HEADER_ROOM, Math.floor(room / 4)));
  if (isGlobal && isUtf8(lines)) return encoded('message/global-headers', lines);
  const ascii = lines.toString('latin1').replace(/[\x80-\xff]/g, '?');
  return plain('text/rfc822-headers', Buffer.from(ascii, 'latin1'));
}

/** The original's Message-ID, for the field that lets it be found; null when there is none that is worth it. */
export function messageIdOf({ bytes }: Excerpt): string | null {
  const head = headerOf(bytes).toString('latin1');
  return /^message-id:[ \t]*(?:\r\n[ \t]+)?(<[!-;=?-~]{1,250}>)[ \t]*(?:\r?\n|$)/im.exec(head)?.[1] ?? null;
}

function headerOf(bytes: Buffer): Buffer {
  if (bytes.length >= 2 && bytes[0] === 13 && bytes[1] === 10) return bytes.subarray(0, 0);
  const end = bytes.indexOf('\r\n\r\n');
  return end === -1 ? bytes : bytes.subarray(0, end + 2);
}

function isSevenBit(bytes: Buffer): boolean {
  return !/[\0\x80-\xff]/.test(bytes.toString('latin1'));
}

/** Whether it can go where a mail can: lines that are ended properly and not too long, nothing binary. */
function isHarmless(bytes: Buffer): boolean {
  return !/\0|\r(?!\n)|(?<!\r)\n|[^\r\n]{999}/.test(bytes.toString('latin1'));
}

/** A header with the lines of isHarmless(). */
function tidy(head: Buffer): Buffer {
  const text = head
    .toString('latin1')
    .replace(/\0/g, '?')
    .replace(/\r\n|\r|\n/g, '\r\n')
    .replace(/[^\r\n]{900}(?=[^\r\n]{98})/g, '$&\r\n ');
  return Buffer.from(text, 'latin1');
}

function cutAtLine(bytes: Buffer, room: number): Buffer {
  if (bytes.length <= room) return bytes;
  return bytes.subarray(0, bytes.lastIndexOf('\r\n', room - 2) + 2);
}

function plain(type: string, body: Buffer): OriginalPart {
  const isEightBit = !isSevenBit(body);
  return {
    fields: [`Content-Type: ${type}`, ...(isEightBit ? ['Content-Transfer-Encoding: 8bit'] : [])],
    body,
    isEightBit,
  };
}

function encoded(type: string, bytes: Buffer): OriginalPart {
  const fields = [`Content-Type: ${type}`, 'Content-Transfer-Encoding: quoted-printable'];
  return { fields, body: Buffer.from(quotedPrintable(bytes), 'latin1'), isEightBit: false };
}
