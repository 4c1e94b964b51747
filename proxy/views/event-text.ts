// What an event of the dialogue says in words, for whoever shows it to people: a terminal, a document.
import type { Colour } from '../../src/colour.ts';
import type { FrameEvent, Happening, SideName } from '../dialogue/event.ts';
import { lineText } from './text.ts';

/** What stands for a secret, whatever its length. */
export const SECRET = '***';
/** Answers that say no, in any protocol. */
export const FAILURE = /^(?:[45]\d\d[ -]|-|\S+ (?:NO|BAD) |NO\b|BYE\b|HTTP\/\S+ [45]|(?:SERVER_|CLIENT_)?ERROR)/;

/** A literal of several lines, which a line could not show. */
export function hasLines({ kind, bytes, terminator }: FrameEvent): boolean {
  if (kind !== 'literal' && kind !== 'secret') return false;
  const first = bytes.indexOf(10);
  return first !== -1 && first < bytes.length - Math.max(terminator, 1);
}

/** The line, with asterisks in the place of a secret: three, whatever its length. */
export function visible({ bytes, terminator, secret }: FrameEvent, keepSecrets: boolean): string {
  let end = bytes.length - terminator;
  if (end > 0 && bytes[end - 1] === 13) end--;
  if (!secret || keepSecrets) return lineText(bytes.subarray(0, end));
  return lineText(bytes.subarray(0, secret.from)) + SECRET + lineText(bytes.subarray(Math.min(end, secret.to), end));
}

export function happening(event: Happening): [Colour, string] {
  switch (event.type) {
    case 'open':
      return ['dim', `${event.client} connected; upstream ${event.upstream}${dataOf(event.of)}`];
    case 'end':
      return ['dim', `the ${event.from} has ended its stream`];
    case 'protocol':
      return ['dim', `${sideMark(event.from)} this looks like ${event.protocol}`];
    case 'finding':
      return ['red', `${sideMark(event.from)} ! ${event.check}: ${event.text}`];
    case 'lint':
      return lintSummary(event.findings);
    case 'note':
      return ['yellow', `${sideMark(event.from)} ${event.text}`];
    case 'close': {
      const bytes = `${event.bytesUp} bytes up, ${event.bytesDown} down`;
      return event.error === '' ? ['dim', `closed: ${bytes}`] : ['red', `failed: ${event.error}; ${bytes}`];
    }
  }
}

function dataOf(conn: number | undefined): string {
  return conn === undefined ? '' : `; data of connection ${conn}`;
}

function lintSummary(findings: Readonly<Record<string, number>>): [Colour, string] {
  const counts = Object.entries(findings).map(([check, count]) => `${check} ${count}`);
  return counts.length === 0 ? ['green', 'lint: nothing found'] : ['red', `lint: ${counts.join(', ')}`];
}

function sideMark(from: SideName): string {
  return from === 'client' ? 'C:' : 'S:';
}

export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)}ms`;
  if (ms < 1000) return `${ms.toFixed(0)}ms`;
  return `${(ms / 1000).toFixed(1)}s`;
}
