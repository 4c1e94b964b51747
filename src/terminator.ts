// What ends a frame: the public Terminator type, its validation in one place (so that a wrong one fails where it is
// set, not at some later read), and the compiled search for byte strings. No I/O, no state of a stream.
import { ChatError } from './errors.ts';

/**
 * Bytes end a frame; a count ends it after n bytes, once; null delivers everything as it comes.
 * 0 and empty bytes mean null, as in asynchat: so `BDAT 0` must not arm a count of 0, it would collect for ever.
 * Of several alternatives the one that starts first wins, of those that start together the longest.
 */
export type Terminator = Uint8Array | number | null | readonly Uint8Array[] | Until;

/** For what bytes cannot say (a length prefix, a regular expression, letter case). */
export interface Until {
  /**
   * At most this many bytes are kept while `find` says 'more', and at most so many are shown to it; a frame that needs
   * more is over-long.
   */
  readonly maxHold: number;
  /**
   * Where does the frame that starts at `from` end? `end` is the index behind its last byte, `skip` the number of
   * terminator bytes behind that. `end + skip` may lie beyond the buffer: the rest is then passed on as it comes.
   */
  find(buf: Buffer, from: number): FrameEnd | 'more';
}

export interface FrameEnd {
  readonly end: number;
  readonly skip: number;
}

export type OverlongPolicy = 'error' | 'discard' | 'deliver';

export interface TerminatorOptions {
  /**
   * Bytes that count as having stood before the first byte: with `\r\n` a terminator `\r\n.\r\n` also matches a
   * `.\r\n` that comes first. They are never delivered. For byte strings only. An empty frame before such a match and
   * one behind `\r\n` look alike; `keep` shows which it was.
   */
  precededBy?: Uint8Array;
  /** The longest frame in bytes, without its terminator. Default: the framer's `maxFrame`. */
  maxFrame?: number;
  /** What happens to a longer one. Default: the framer's, which is 'error'. */
  overlong?: OverlongPolicy;
  /** Deliver the terminator's bytes too, behind the frame. They do not count in `FrameInfo.length`. */
  keep?: boolean;
}

export type Rule = All | Count | Search | UntilRule;

export interface All {
  readonly kind: 'all';
}
export interface Count {
  readonly kind: 'count';
  left: number;
}
export interface UntilRule {
  readonly kind: 'until';
  readonly until: Until;
  /** Bytes of the frame still to pass on once its end is known; -1 while it is not. */
  left: number;
  /** Bytes of the terminator behind them, and how many of those are still to be dropped. */
  skip: number;
  skipLeft: number;
}
/** One byte string or several. */
export interface Search {
  readonly kind: 'search';
  readonly needles: readonly Needle[];
  /** The length of the longest needle. */
  readonly longest: number;
  /** For several needles: where each was found last in `seen`, so that a rare one is not looked for at every frame. */
  seen: Buffer | null;
  readonly at: number[];
}

/** One byte string, made ready for searching. */
export interface Needle {
  readonly bytes: Buffer;
  /** What the caller gave: reported in FrameInfo, so that alternatives can be told apart by identity. */
  readonly given: Uint8Array;
  readonly length: number;
  readonly first: number;
  readonly last: number;
  /** The failure table of Knuth, Morris and Pratt; made when a prefix is first looked for. */
  table: Int32Array | null;
}

/** Checks and compiles. Throws ChatError BAD_TERMINATOR for anything that is not a Terminator. */
export function compileTerminator(t: Terminator, precededBy?: Uint8Array): Rule {
  const rule = compile(t);
  if (precededBy === undefined) return rule;
  if (!(precededBy instanceof Uint8Array)) throw bad('precededBy must be a Uint8Array');
  // It would end a frame without consuming a byte; armed in the callback it would end frames for ever.
  if (rule.kind === 'search' && rule.needles.some((needle) => holds(precededBy, needle)))
    throw bad('precededBy must not hold a whole terminator');
  return rule;
}

function holds(bytes: Uint8Array, { bytes: needle }: Needle): boolean {
  return bytes.length >= needle.length && Buffer.from(bytes).includes(needle);
}

function compile(t: Terminator): Rule {
  if (t === null) return { kind: 'all' };
  if (typeof t === 'number') {
    if (!Number.isSafeInteger(t) || t < 0) throw bad(`a count must be a whole number from 0 up, not ${t}`);
    return t === 0 ? { kind: 'all' } : { kind: 'count', left: t };
  }
  if (t instanceof Uint8Array) return t.length === 0 ? { kind: 'all' } : searchOne(t);
  if (Array.isArray(t)) {
    if (t.length === 0) return { kind: 'all' };
    for (const one of t as unknown[]) {
      if (!(one instanceof Uint8Array) || one.length === 0)
        throw bad('each alternative must be a non-empty Uint8Array');
    }
    return search(t as Uint8Array[]);
  }
  if (typeof t === 'object' && typeof (t as Until).find === 'function') {
    const { maxHold } = t as Until;
    if (!Number.isSafeInteger(maxHold) || maxHold < 1)
      throw bad(`maxHold must be a whole number from 1 up, not ${maxHold}`);
    return { kind: 'until', until: t as Until, left: -1, skip: 0, skipLeft: 0 };
  }
  throw bad(`expected bytes, a count, null, an array of bytes or { maxHold, find }, not ${typeof t}`);
}

function bad(why: string): ChatError {
  return new ChatError('BAD_TERMINATOR', `bad terminator: ${why}`);
}

/**
 * The short byte strings that were set last, compiled: protocols change to and fro between a few constants. With one
 * needle a Search holds nothing of a stream, so framers may share it.
 */
const recent: Search[] = [];
const MAX_RECENT = 8;
const MAX_RECENT_BYTES = 64;

function searchOne(t: Uint8Array): Search {
  for (const known of recent) {
    const { given, bytes } = known.needles[0]!;
    // By its bytes too: the caller may have changed them.
    if (given === t && bytes.equals(t)) return known;
  }
  const made = search([t]);
  if (t.length <= MAX_RECENT_BYTES) {
    if (recent.length === MAX_RECENT) recent.shift();
    recent.push(made);
  }
  return made;
}

function search(all: readonly Uint8Array[]): Search {
  const needles = all.map((one) => {
    const bytes = Buffer.from(one);
    return { bytes, given: one, length: bytes.length, first: bytes[0]!, last: bytes[bytes.length - 1]!, table: null };
  });
  // Longest first: of matches that start together the first one found is then the one that wins.
  needles.sort((a, b) => b.length - a.length);
  return { kind: 'search', needles, longest: needles[0]!.length, seen: null, at: needles.map(() => 0) };
}

/** The first match that starts at or behind `from`, or -1. */
export function findNeedle(needle: Needle, buf: Buffer, from: number): number {
  // A search for one byte runs in native code without a call back; checking the one before it is cheap. For longer
  // needles, which are rare in the stream, one native search for the whole needle is faster than many stops.
  if (needle.length === 1) return buf.indexOf(needle.last, from);
  if (needle.length > 2) return buf.indexOf(needle.bytes, from);
  return findPair(buf, needle.first, needle.last, from);
}

/** Two bytes: stops at each second one and looks back. */
export function findPair(buf: Buffer, first: number, last: number, from: number): number {
  for (let i = buf.indexOf(last, from + 1); i !== -1; i = buf.indexOf(last, i + 1)) {
    if (buf[i - 1] === first) return i - 1;
  }
  return -1;
}

/** What findAny says instead of a needle's index: nothing decided, `hold` bytes at the end may begin a terminator. */
export const UNDECIDED = -1;

/**
 * Of several needles the one that starts first, of those that start together the longest. Leaves its index and start
 * in `out`; `which` is UNDECIDED when there is no match, or when a longer one may still begin before the match found.
 */
export function findAny(
  rule: Search,
  buf: Buffer,
  from: number,
  final: boolean,
  out: { which: number; start: number },
): void {
  const { needles, at } = rule;
  if (rule.seen !== buf) {
    rule.seen = buf;
    at.fill(-1);
  }
  out.which = UNDECIDED;
  out.start = Number.POSITIVE_INFINITY;
  for (let i = 0; i < needles.length; i++) {
    if (at[i]! < from) {
      const found = findNeedle(needles[i]!, buf, from);
      at[i] = found === -1 ? Number.POSITIVE_INFINITY : found;
    }
    if (at[i]! < out.start) {
      out.start = at[i]!;
      out.which = i;
    }
  }
  if (out.which === UNDECIDED || final || out.start + rule.longest <= buf.length) return;
  // Near the end of what is there: the beginning of an earlier or longer match may stand here.
  for (const needle of needles) {
    const begins = buf.length - heldPrefix(needle, buf, from, buf.length);
    if (begins < buf.length && begins <= out.start && begins + needle.length > out.start + needles[out.which]!.length) {
      out.which = UNDECIDED;
      return;
    }
  }
}

/** The length of the longest suffix of buf[from..to) that is a proper prefix of the needle. */
export function heldPrefix(needle: Needle, buf: Buffer, from: number, to: number): number {
  const proper = needle.length - 1;
  if (proper === 0) return 0;
  if (proper === 1) return to > from && buf[to - 1] === needle.first ? 1 : 0;
  needle.table ??= failureTable(needle.bytes);
  const { bytes, table } = needle;
  let state = 0;
  for (let i = Math.max(from, to - proper); i < to; i++) {
    const byte = buf[i]!;
    while (state > 0 && bytes[state] !== byte) state = table[state - 1]!;
    if (bytes[state] === byte) state++;
  }
  return state;
}

function failureTable(bytes: Buffer): Int32Array {
  const table = new Int32Array(bytes.length);
  for (let i = 1, state = 0; i < bytes.length; i++) {
    while (state > 0 && bytes[i] !== bytes[state]) state = table[state - 1]!;
    if (bytes[i] === bytes[state]) state++;
    table[i] = state;
  }
  return table;
}

/**
 * Asks find() and checks its answer; throws ChatError BAD_TERMINATOR for nonsense. It is shown `maxHold` bytes and no
 * more, or a frame would be over-long in one chunking and not in another.
 */
export function askUntil(until: Until, buf: Buffer, pos: number): FrameEnd | 'more' {
  const found = until.find(buf.length - pos > until.maxHold ? buf.subarray(0, pos + until.maxHold) : buf, pos);
  if (found === 'more') return found;
  const { end, skip } = found;
  const isPlace = Number.isSafeInteger(end) && Number.isSafeInteger(skip) && end >= pos && skip >= 0;
  if (isPlace && end + skip > pos) return found;
  throw new ChatError('BAD_TERMINATOR', `find() answered end ${end}, skip ${skip} for a frame at ${pos}`);
}

/** The limits of a frame, checked; throws ChatError BAD_TERMINATOR. No limit and 'error' where nothing is said. */
export function checkLimits(
  maxFrame: number = Number.POSITIVE_INFINITY,
  overlong: OverlongPolicy = 'error',
): { maxFrame: number; overlong: OverlongPolicy } {
  if (!(maxFrame >= 1)) throw bad(`maxFrame must be 1 or more, not ${maxFrame}`);
  if (!['error', 'discard', 'deliver'].includes(overlong)) {
    throw bad(`overlong must be error, discard or deliver, not ${overlong}`);
  }
  return { maxFrame, overlong };
}
