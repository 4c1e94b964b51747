// Lines of a transcript from what was said: text that anybody can look at, a line each, whatever bytes it was made of.
import { escapeControls } from '../../src/redact.ts';
import type { TranscriptLine } from '../inbox/transcript.ts';
import { formatReply, type Reply } from './replies.ts';

export interface Entry {
  readonly from: TranscriptLine['from'];
  /** Milliseconds since the connection was opened. */
  readonly ms: number;
  /** What was said; of the client a character a byte. */
  readonly what: string | Reply;
}

/** Characters of a line; of a longer one its beginning. */
export const MAX_TEXT = 1000;

/** Challenges that are the same for everybody: what AUTH LOGIN asks, and nothing. Others could help to guess a password. */
const OPEN_CHALLENGES: ReadonlySet<string> = new Set(['', 'VXNlcm5hbWU6', 'UGFzc3dvcmQ6']);

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** Most replies are said again and again. */
const known = new WeakMap<Reply, readonly string[]>();

/** A reply of several lines is as many. */
export function linesOf({ from, ms, what }: Entry): TranscriptLine[] {
  const at = Math.round(ms * 10) / 10;
  if (typeof what === 'string')
    return [{ from, ms: at, text: from === 'client' ? readable(what) : escapeControls(what) }];
  return textsOf(what).map((text) => ({ from, ms: at, text }));
}

function textsOf(reply: Reply): readonly string[] {
  let texts = known.get(reply);
  if (texts === undefined) {
    texts = isSecret(reply) ? ['334 ***'] : formatReply(reply).toString('latin1').slice(0, -2).split('\r\n');
    known.set(reply, texts);
  }
  return texts;
}

function isSecret({ code, text }: Reply): boolean {
  return code === 334 && !(typeof text === 'string' && OPEN_CHALLENGES.has(text));
}

/** UTF-8 where it is that; other bytes and control characters escaped. */
function readable(line: string): string {
  if (!/[^ -~]/.test(line)) return line;
  try {
    return escapeControls(utf8.decode(Buffer.from(line, 'latin1')));
  } catch {
    return escapeControls(line.replace(/[\x80-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`));
  }
}
