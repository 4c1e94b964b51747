// The claim that a parser does not care how the network cut its bytes, as a function: the same input in every chunking.
import { AssertionError } from 'node:assert';
import { inspect, isDeepStrictEqual } from 'node:util';
import { randomNumbers } from './random.ts';

export interface SplitOptions {
  /** Runs with this many random cuts on top, of any number of pieces. Default 0. */
  random?: number;
  /** Where the random cuts come from: the same seed gives the same cuts. Default 1. */
  seed?: number;
}

/**
 * Runs a parser on the whole input, on each way to cut it in two, on single bytes, and (if asked) on random cuts.
 * Returns what the whole input gave. Throws AssertionError naming the first cut that gave anything not deep-equal.
 * `run` may be async; then so is the answer. It gets fresh buffers each time and has to make its parser anew.
 *
 *     everySplit('a\r\nb\r\n', (chunks) => linesOf(chunks)); // ['a', 'b']
 */
export function everySplit<T>(input: Uint8Array | string, run: (chunks: Buffer[]) => T, options: SplitOptions = {}): T {
  const bytes = typeof input === 'string' ? Buffer.from(input, 'latin1') : Buffer.from(input);
  const cuts = cutsOf(bytes.length, options);
  const whole = run(pieces(bytes, []));
  if (isPromise(whole)) return everySplitLater(bytes, whole, cuts, run) as T;
  for (const cut of cuts) compare(bytes, cut, run(pieces(bytes, cut)), whole);
  return whole;
}

async function everySplitLater(
  bytes: Buffer,
  first: PromiseLike<unknown>,
  cuts: Iterable<number[]>,
  run: (chunks: Buffer[]) => unknown,
): Promise<unknown> {
  const whole = await first;
  for (const cut of cuts) compare(bytes, cut, await run(pieces(bytes, cut)), whole);
  return whole;
}

function* cutsOf(length: number, { random = 0, seed = 1 }: SplitOptions): Generator<number[]> {
  for (let at = 1; at < length; at++) yield [at];
  if (length > 2) yield Array.from({ length: length - 1 }, (_, i) => i + 1);
  const dice = randomNumbers(seed);
  for (let i = 0; i < random && length > 2; i++) {
    const often = 0.05 + 0.9 * dice();
    yield Array.from({ length: length - 1 }, (_, j) => j + 1).filter(() => dice() < often);
  }
}

/** Copies, each with a memory of its own: a parser that keeps views too long is found out. */
function pieces(bytes: Buffer, cut: readonly number[]): Buffer[] {
  const edges = [0, ...cut, bytes.length];
  return edges.slice(1).map((end, i) => Buffer.from(bytes.subarray(edges[i], end)));
}

function compare(bytes: Buffer, cut: readonly number[], actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const shown = pieces(bytes, cut)
    .slice(0, 40)
    .map((piece) => JSON.stringify(piece.toString('latin1')))
    .join(' / ');
  throw new AssertionError({
    message:
      `another result when the input is cut at ${cut.slice(0, 40).join(', ')}: ${shown}\n` +
      `  expected ${inspect(expected, { depth: 6 })}\n  got      ${inspect(actual, { depth: 6 })}`,
    actual,
    expected,
    operator: 'everySplit',
  });
}

function isPromise(x: unknown): x is PromiseLike<unknown> {
  return typeof (x as PromiseLike<unknown> | undefined)?.then === 'function';
}
