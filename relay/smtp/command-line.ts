// One command line, taken apart: verb and argument, and the ESMTP parameters behind a path (RFC 5321 4.1.2). Bytes
// become text here, and what cannot be text is refused here.

import type { Parameter } from '../store/store.ts';
import type { Reply } from './replies.ts';
import { REPLIES } from './replies.ts';

export interface CommandLine {
  /** In capitals. */
  readonly verb: string;
  /** Without leading and trailing blanks. */
  readonly argument: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A line without its end, given as latin1 (a character a byte). A reply says why it is no command. */
export function parseCommandLine(line: string): CommandLine | Reply {
  let text = line;
  if (/[^\t -~]/.test(line)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line))
      return /^(?:MAIL|RCPT) /i.test(line) ? { ...REPLIES.controlCharacters, code: 501 } : REPLIES.controlCharacters;
    try {
      text = utf8.decode(Buffer.from(line, 'latin1'));
    } catch {
      return REPLIES.badUtf8;
    }
  }
  const space = text.search(/[ \t]/);
  if (space === -1) return { verb: text.toUpperCase(), argument: '' };
  return { verb: text.slice(0, space).toUpperCase(), argument: text.slice(space).trim() };
}

/** `SIZE=1000 BODY=8BITMIME` as pairs, keywords in capitals; null when the grammar is broken or a keyword comes twice. */
export function parseParameters(text: string): Parameter[] | null {
  const found: Parameter[] = [];
  const seen = new Set<string>();
  for (const word of text.split(/ +/)) {
    if (word === '') continue;
    const match = /^([A-Za-z\d][A-Za-z\d-]*)(?:=([!-<>-~\u0080-\u{10ffff}]+))?$/u.exec(word);
    if (!match) return null;
    const keyword = match[1]!.toUpperCase();
    if (seen.has(keyword)) return null;
    seen.add(keyword);
    found.push([keyword, match[2] ?? '']);
  }
  return found;
}
