// Where protocols announce how many bytes will follow: literals of IMAP and ManageSieve, BDAT, Content-Length and chunks
// of HTTP, strings of RESP, values of memcached. Whoever makes these bytes more or fewer has to change the number too,
// which has already come: so from the number on everything waits until the bytes are complete.

import { literalAt } from '../profiles/imap.ts';
import type { ProfileName } from '../profiles/names.ts';
import type { Leaving } from './way.ts';

/** Longer ones pass as they are: they would have to be kept whole. */
export const MOST_GATHERED = 1024 * 1024;

export interface Announced {
  readonly size: number;
  /** Where the digits stand. */
  readonly at: number;
  readonly digits: number;
  readonly base: 10 | 16;
  /** Its sender waits for a word before it sends them. */
  readonly waits: boolean;
}

/** What a line announces. `isClient`: who said it. */
export function announced(protocol: ProfileName | null, line: string, isClient: boolean): Announced | null {
  switch (protocol) {
    case 'imap':
    case 'managesieve': {
      const literal = literalAt(line);
      if (!literal) return null;
      const at = line.indexOf('{', literal.at) + 1;
      return { ...decimal(line, at), waits: protocol === 'imap' && isClient && literal.waits };
    }
    case 'smtp':
    case 'lmtp':
      return isClient ? found(line, /^BDAT +(?=\d)/i) : null;
    case 'http':
      return found(line, /^content-length:[ \t]*(?=\d+[ \t]*$)/i) ?? chunk(line);
    case 'resp':
      return found(line, /^[$=](?=\d+$)/);
    case 'memcached':
      return found(
        line,
        /^(?:(?:set|add|replace|append|prepend|cas) +\S+ +\d+ +-?\d+ +|VALUE +\S+ +\d+ +|ms +\S+ +|VA +)(?=\d)/i,
      );
    default:
      return null;
  }
}

function found(line: string, before: RegExp): Announced | null {
  const match = before.exec(line);
  return match ? { ...decimal(line, match[0].length), waits: false } : null;
}

function decimal(line: string, at: number): Omit<Announced, 'waits'> {
  const digits = /^\d+/.exec(line.slice(at))?.[0] ?? '0';
  return { size: Number(digits), at, digits: digits.length, base: 10 };
}

function chunk(line: string): Announced | null {
  const digits = /^[\da-f]{1,12}(?=[ \t]*(?:;|$))/i.exec(line)?.[0];
  return digits ? { size: Number.parseInt(digits, 16), at: 0, digits: digits.length, base: 16, waits: false } : null;
}

/** What the counted bytes are. */
export function countedKind(protocol: ProfileName | null): 'body' | 'literal' {
  return protocol === 'smtp' || protocol === 'lmtp' || protocol === 'http' ? 'body' : 'literal';
}

/** How many of the counted bytes are only there to end them. */
export function trailerOf(protocol: ProfileName | null): number {
  return protocol === 'resp' || protocol === 'memcached' ? 2 : 0;
}

/** From a number to the end of the bytes that it counts. */
export class Gathering {
  readonly announced: Announced;
  private readonly said: [bytes: Buffer, leaving: Leaving][];
  private readonly parts: Buffer[] = [];

  constructor(announcement: Announced, line: Buffer, leaving: Leaving) {
    this.announced = announcement;
    this.said = [[line, leaving]];
  }

  /** What stands between the number and the bytes. */
  line(bytes: Buffer, leaving: Leaving): void {
    this.said.push([bytes, leaving]);
  }

  part(bytes: Buffer): void {
    this.parts.push(bytes);
  }

  get payload(): Buffer {
    return this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts);
  }

  /** The lines before the bytes, with `size` for the number. */
  lines(size: number): [bytes: Buffer, leaving: Leaving][] {
    const { announced, said } = this;
    if (size === announced.size) return said;
    const [[line, leaving], ...rest] = said as [[Buffer, Leaving], ...[Buffer, Leaving][]];
    const before = line.subarray(0, announced.at);
    const behind = line.subarray(announced.at + announced.digits);
    return [[Buffer.concat([before, Buffer.from(size.toString(announced.base)), behind]), leaving], ...rest];
  }
}
