// From the bytes of a part to what they mean: transfer encodings (RFC 2045 6) to bytes, charsets to text. Forgiving, as
// mail must be: what cannot be decoded is passed on as it stands.
//
// The transfer encodings are decoded here and not by postal-mime, since it rewrites line ends and adds a last one: the
// checksum of an attachment would not be that of the file that was attached. Charsets are the library's.
import { isAscii, isUtf8 } from 'node:buffer';
import { decodeWords } from 'postal-mime';

/** What the bytes 0x80 to 0x9f are in it. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
const EQUALS = 61;
const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;

/** The bytes that were encoded. `encoding` is in lower case; an unknown one changes nothing. */
export function decodeTransfer(body: Buffer, encoding: string): Buffer {
  switch (encoding) {
    case 'base64':
      return decodeBase64(body);
    case 'quoted-printable':
      return decodeQuotedPrintable(body);
    case 'x-uuencode':
    case 'x-uue':
    case 'uuencode':
      return decodeUuencode(body);
    default:
      return body;
  }
}

/** Text in a charset, with replacement characters for what is wrong in it; '' where none is declared. */
export function decodeText(bytes: Uint8Array, charset: string): string {
  const label = charset.trim().toLowerCase();
  if (/^utf-?8$/.test(label)) return new TextDecoder().decode(bytes);
  if (isAscii(bytes) && /^(|us-ascii|ascii|iso-8859-\d+|windows-125\d)$/.test(label)) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
  if (/^(|us-ascii|ascii)$/.test(label)) {
    // Nothing that tells what the 8-bit characters are: UTF-8 is not hit by chance.
    return utf8OrWindows(Buffer.from(bytes));
  }
  // The library's table of charset names, with all the ways in which mailers misspell them, is open only to encoded words.
  const known = /^[\w.:+-]{1,40}$/.test(label) ? label : 'utf-8';
  return decodeHeaderText(`=?${known}?B?${Buffer.from(bytes).toString('base64')}?=`);
}

/** A line of a header: UTF-8 (RFC 6532) if it can be, else the charset that such mailers mostly mean. */
export function decodeHeaderBytes(bytes: Buffer): string {
  return utf8OrWindows(bytes);
}

/** Encoded words (RFC 2047) as text. */
export function decodeHeaderText(text: string): string {
  return mendControls(decodeWords(text));
}

/** Node 20 decodes windows-1252, and all that stands for it, as Latin-1: control characters where quotes and dashes were. */
export function mendControls(text: string): string {
  return text.replace(/[\u0080-\u009f]/g, (control) => WINDOWS_1252[control.charCodeAt(0) - 0x80]!);
}

function utf8OrWindows(bytes: Buffer): string {
  return isUtf8(bytes) ? new TextDecoder().decode(bytes) : mendControls(bytes.toString('latin1'));
}

function decodeBase64(body: Buffer): Buffer {
  const text = body.toString('latin1');
  const pad = text.indexOf('=');
  if (pad === -1 || !/[A-Za-z0-9+/]/.test(text.slice(pad))) return Buffer.from(text, 'base64');
  // Padding in the middle: several encodings in a row, one a line as some mailers do. Each ends a group of its own.
  return Buffer.concat(text.split(/=[=\s]*/).map((unit) => Buffer.from(unit, 'base64')));
}

/** RFC 2045 6.7. Line ends stay as they are; blanks at the end of a line were added on the way. */
function decodeQuotedPrintable(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length);
  let size = 0;
  /** What stands before this in `out` is meant, even if it is a blank. */
  let meant = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!;
    if (byte === EQUALS) {
      const value = hexPair(body, at + 1);
      if (value >= 0) {
        out[size++] = value;
        meant = size;
        at += 2;
        continue;
      }
      const next = softBreak(body, at + 1);
      if (next > 0) {
        at = next - 1;
        meant = size;
        continue;
      }
    } else if (byte === LF || (byte === CR && body[at + 1] === LF)) {
      while (size > meant && (out[size - 1] === SPACE || out[size - 1] === TAB)) size--;
    }
    out[size++] = byte;
  }
  return out.subarray(0, size);
}

function hexPair(body: Buffer, at: number): number {
  const [high, low] = [hexDigit(body[at]), hexDigit(body[at + 1])];
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** Where the next line begins when a soft line break ends here; 0 when none does. */
function softBreak(body: Buffer, from: number): number {
  let at = from;
  while (body[at] === SPACE || body[at] === TAB) at++;
  if (body[at] === CR) at++;
  if (body[at] === LF) return at + 1;
  return at >= body.length ? at : 0;
}

function decodeUuencode(body: Buffer): Buffer {
  const lines: Buffer[] = [];
  let inside = false;
  for (const line of body.toString('latin1').split(/\r?\n/)) {
    if (!inside) inside = /^begin [0-7]{3,4} /.test(line);
    else if (line === 'end') return Buffer.concat(lines);
    else lines.push(uuLine(line));
  }
  return inside ? Buffer.concat(lines) : body;
}

function uuLine(line: string): Buffer {
  const length = (line.charCodeAt(0) - 32) & 63;
  const sextets = Array.from(
    { length: Math.ceil(length / 3) * 4 },
    (_, i) => ((line.charCodeAt(i + 1) || 32) - 32) & 63,
  );
  const bytes = Buffer.alloc((sextets.length / 4) * 3);
  for (let i = 0; i < sextets.length; i += 4) {
    const [a, b, c, d] = sextets.slice(i, i + 4) as [number, number, number, number];
    bytes.writeUIntBE((a << 18) | (b << 12) | (c << 6) | d, (i / 4) * 3, 3);
  }
  return bytes.subarray(0, length);
}
