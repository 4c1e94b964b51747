// What a framer should make of a stream, worked out the slow way: the whole stream as one string, searched by trying
// every position. Knows no chunks, no held prefixes and no hot loop, so it shares no mistakes with the real one.
import type { Terminator, TerminatorOptions, Until } from '../../src/terminator.ts';
import { type Recording, record } from './recording.ts';

/** What the callback of frame n arms is step n + 1; behind the last step the terminator stays as it is. */
export interface Step {
  terminator: Terminator;
  options?: TerminatorOptions;
}

export interface Outcome {
  frames: { text: string; offset: number; length: number; terminator: string | null; truncated: boolean }[];
  /** Delivered behind the last frame. */
  tail: string;
  /** What was delivered of each frame that was over its limit, under 'error' and 'discard'. */
  overlong: string[];
}

interface Ending {
  /** Bytes of the frame, and of the terminator behind it. */
  length: number;
  skip: number;
  terminator: string | null;
}

export function expectedOutcome(stream: string, steps: readonly Step[]): Outcome {
  const outcome: Outcome = { frames: [], tail: '', overlong: [] };
  let at = 0;
  let step = 0;
  let { terminator, options = {} } = steps[0]!;
  let virtual = precedes(terminator, options);
  // The end of a cut frame, where it was known before the cut.
  let known: Ending | null = null;

  const next = () => {
    known = null;
    const armed = steps[++step];
    if (armed) {
      ({ terminator, options = {} } = armed);
      virtual = precedes(terminator, options);
    } else {
      virtual = '';
      if (typeof terminator === 'number') terminator = null;
    }
  };

  while (at <= stream.length) {
    const rest = stream.slice(at);
    const ending: Ending | null = known ?? endOf(terminator, virtual, rest);
    const { maxFrame = Number.POSITIVE_INFINITY, overlong = 'error' } = options;
    const length = Math.min(ending?.length ?? rest.length, rest.length);
    if (length > maxFrame && !isAll(terminator)) {
      if (overlong === 'deliver') {
        const text = rest.slice(0, maxFrame);
        outcome.frames.push({ text, offset: at, length: maxFrame, terminator: null, truncated: true });
        at += maxFrame;
        const cut: { terminator: Terminator; ending: Ending | null } = { terminator, ending };
        const rearmed = step + 1 < steps.length;
        next();
        if (rearmed) continue;
        terminator = typeof cut.terminator === 'number' ? cut.terminator - maxFrame : cut.terminator;
        if (isUntil(terminator) && cut.ending) known = { ...cut.ending, length: cut.ending.length - maxFrame };
        continue;
      }
      outcome.overlong.push(rest.slice(0, maxFrame));
      if (overlong === 'error' || ending === null || !isWhole(ending, rest)) return outcome;
      at += ending.length + ending.skip;
      virtual = '';
      known = null;
      if (typeof terminator === 'number') terminator = null;
      continue;
    }
    if (ending === null || !isWhole(ending, rest)) {
      outcome.tail = rest.slice(0, (ending?.length ?? rest.length) + (options.keep ? (ending?.skip ?? 0) : 0));
      return outcome;
    }
    const text = rest.slice(0, ending.length + (options.keep ? ending.skip : 0));
    outcome.frames.push({ text, offset: at, length, terminator: ending.terminator, truncated: false });
    at += ending.length + ending.skip;
    next();
  }
  return outcome;
}

function isAll(t: Terminator): boolean {
  return t === null || t === 0 || ((t instanceof Uint8Array || Array.isArray(t)) && t.length === 0);
}

function isSearch(t: Terminator): t is Uint8Array | readonly Uint8Array[] {
  return (t instanceof Uint8Array || Array.isArray(t)) && t.length > 0;
}

function isUntil(t: Terminator): t is Until {
  return typeof t === 'object' && t !== null && 'maxHold' in t;
}

function isWhole(ending: Ending, rest: string): boolean {
  return ending.length + ending.skip <= rest.length;
}

function precedes(t: Terminator, options: TerminatorOptions): string {
  return isSearch(t) && options.precededBy ? latin1(options.precededBy) : '';
}

function endOf(t: Terminator, virtual: string, rest: string): Ending | null {
  if (isAll(t)) return null;
  if (typeof t === 'number') return { length: t, skip: 0, terminator: null };
  if (isUntil(t)) return endByUntil(t, rest);
  if (!isSearch(t)) return null;
  const needles = (t instanceof Uint8Array ? [t] : [...t]).map(latin1).sort((a, b) => b.length - a.length);
  const text = virtual + rest;
  for (let start = 0; start < text.length; start++) {
    for (const needle of needles) {
      if (!text.startsWith(needle, start)) continue;
      const length = Math.max(0, start - virtual.length);
      return { length, skip: start + needle.length - virtual.length - length, terminator: needle };
    }
  }
  return null;
}

function endByUntil(t: Until, rest: string): Ending | null {
  if (rest === '') return null;
  const found = t.find(Buffer.from(rest, 'latin1'), 0);
  if (found === 'more') return null;
  return { length: found.end, skip: found.skip, terminator: null };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** The same with a real framer, in the given chunks. */
export function actualOutcome(chunks: readonly Buffer[], steps: readonly Step[]): Outcome {
  let n = 0;
  const recording: Recording = record(
    {},
    {
      terminator(framer) {
        const armed = steps[++n];
        if (armed) framer.setTerminator(armed.terminator, armed.options);
      },
    },
  );
  const { framer } = recording;
  framer.setTerminator(steps[0]!.terminator, steps[0]!.options);
  try {
    for (const chunk of chunks) void framer.feed(chunk);
    void framer.end();
  } catch (error) {
    if ((error as { code?: string }).code !== 'FRAME_TOO_LONG') throw error;
  }
  return {
    frames: recording.infos.map(({ offset, length, terminator, truncated }, i) => ({
      text: recording.frames[i]!,
      offset,
      length,
      terminator: terminator && latin1(terminator),
      truncated,
    })),
    tail: recording.tail(),
    overlong: recording.cutOff,
  };
}
