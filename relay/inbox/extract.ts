// What a test wants out of a mail: its links, its codes, and whatever a regular expression names.
import { createContext, Script } from 'node:vm';
import { ChatError } from '../../src/errors.ts';
import { codesOf } from './codes.ts';
import { linksOf } from './links.ts';
import type { ParsedMail } from './parsed-mail.ts';

/** Milliseconds after which a regular expression is given up. */
export const CAPTURE_MS = 200;
const MAX_PATTERN = 1000;
const MAX_TEXT = 4 * 1024 * 1024;

export interface Extracted {
  readonly links: readonly string[];
  readonly codes: readonly string[];
  /** By the names of the groups; a pattern without any has its first group, or all of it, under `0`. */
  readonly captures: Readonly<Record<string, string>>;
}

export interface ExtractOptions {
  /** JavaScript regular expressions with named groups, `token=(?<token>\w+)`. Each is tried on the subject, the text, the HTML. */
  readonly patterns?: readonly string[];
  /** For each pattern. Default CAPTURE_MS. */
  readonly timeoutMs?: number;
}

/** Throws ChatError BAD_SEARCH for a pattern that is none or takes too long. */
export function extract(mail: ParsedMail, { patterns = [], timeoutMs = CAPTURE_MS }: ExtractOptions = {}): Extracted {
  const captures = Object.assign({}, ...patterns.map((pattern) => captureFrom(mail, pattern, timeoutMs)));
  return { links: linksOf(mail), codes: codesOf(mail), captures };
}

/** What one pattern finds, by the names of its groups; empty when it finds nothing. Throws as `extract` does. */
export function captureFrom(mail: ParsedMail, pattern: string, timeoutMs = CAPTURE_MS): Record<string, string> {
  return capture(
    pattern,
    [mail.subject, mail.text, mail.html].map((text) => text.slice(0, MAX_TEXT)),
    timeoutMs,
  );
}

// A regular expression can search for longer than the sun burns, and nothing but the machine that runs it can stop it:
// V8 does, for code in a context of its own that has a time limit. Only texts go in and out.
const SEARCH = new Script(`(() => {
  const regex = new RegExp(pattern, 'm');
  for (const text of JSON.parse(texts)) {
    const found = regex.exec(text);
    if (found !== null) return JSON.stringify(found.groups ?? { 0: found[1] ?? found[0] });
  }
  return '{}';
})()`);

function capture(pattern: string, texts: readonly string[], timeout: number): Record<string, string> {
  const shown = `/${pattern.length > 60 ? `${pattern.slice(0, 57)}...` : pattern}/`;
  if (pattern.length > MAX_PATTERN) {
    throw new ChatError('BAD_SEARCH', `${shown} is too long; a pattern has at most ${MAX_PATTERN} characters`);
  }
  try {
    const context = createContext(
      { pattern, texts: JSON.stringify(texts) },
      { codeGeneration: { strings: false, wasm: false } },
    );
    return JSON.parse(SEARCH.runInContext(context, { timeout }) as string) as Record<string, string>;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const why =
      code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
        ? `took longer than ${timeout} ms`
        : `is no regular expression: ${message}`;
    throw new ChatError('BAD_SEARCH', `${shown} ${why}`.replaceAll(/\s+/g, ' '));
  }
}
