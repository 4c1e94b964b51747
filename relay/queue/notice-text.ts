// How text gets into a notice: clean of what could break out of its line, folded, encoded where it is not ASCII. Most of
// it was said by strangers (addresses, replies, headers), so nothing goes in that did not pass through here.

/** Controls, line separators, and marks that reorder or hide what follows them. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu;
const NOT_ASCII = /[^ -~]/gu;
/** RFC 5322 2.1.1 asks for lines of at most 78 characters and allows no more than 998. */
const LINE = 76;
const LONGEST_LINE = 900;

export function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  return !/[^\x00-\x7f]/.test(text);
}

/** On one line; any character but those that do something to it. */
export function oneLine(text: string): string {
  return text.replace(UNSAFE, ' ').trim();
}

export function asciiLine(text: string): string {
  return oneLine(text).replace(NOT_ASCII, '?');
}

/** Breaks a line at blanks; what follows begins with `indent`. A word that is too long for any line is cut. */
export function fold(line: string, indent = ' '): string {
  if (line.length <= LINE) return line;
  const lines: string[] = [];
  let [current = '', ...words] = line.split(' ').flatMap(cut);
  for (const word of words) {
    if (current.trim() !== '' && current.length + 1 + word.length > LINE) {
      lines.push(current);
      current = indent + word;
    } else current = `${current} ${word}`;
  }
  return [...lines, current].join('\r\n');
}

function cut(word: string): string[] {
  return word.length <= LONGEST_LINE ? [word] : (word.match(new RegExp(`.{1,${LONGEST_LINE}}`, 'gu')) ?? []);
}

/** Quoted-printable (RFC 2045 6.7) of lines that end with CRLF; the lines come out as they went in. */
export function quotedPrintable(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .split('\r\n')
    .map((line) => softLines(line.replace(/[^ -<>-~]| $/g, (c) => `=${hex(c)}`)))
    .join('\r\n');
}

/** Lines of at most 76 characters, and no `=3D` cut in two. */
function softLines(encoded: string): string {
  if (encoded.length <= LINE) return encoded;
  const lines: string[] = [];
  for (let from = 0; from < encoded.length; ) {
    let to = from + LINE - 1;
    if (from + LINE >= encoded.length) to = encoded.length;
    else if (encoded[to - 1] === '=') to -= 1;
    else if (encoded[to - 2] === '=') to -= 2;
    lines.push(encoded.slice(from, to));
    from = to;
  }
  return lines.join('=\r\n');
}

function hex(c: string): string {
  return c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}

/** RFC 3461 4: `+2B` is `+`. */
export function fromXtext(text: string): string {
  return text.replace(/\+([\dA-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** RFC 6533 3: `\x{E9}` is `é`. */
export function fromUnitext(text: string): string {
  return text.replace(/\\x\{([\dA-F]{2,6})\}/g, (_, digits: string) => {
    const code = Number.parseInt(digits, 16);
    return code > 0x10ffff ? '?' : String.fromCodePoint(code);
  });
}
