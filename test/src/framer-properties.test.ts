// Random streams, random terminators, random chunks: the framer against a model that tries every position of the
// whole stream. The seeds are fixed, so a failure stays.
import { expect } from 'chai';
import fc from 'fast-check';
import type { Terminator, Until } from '../../src/terminator.ts';
import { actualOutcome, expectedOutcome, type Step } from '../support/model.ts';
import { bytes, record } from '../support/recording.ts';

/** A digit says how many bytes follow, and a `;` (dropped) stands behind them. */
const byLength: Until = {
  maxHold: 1,
  find(buf, from) {
    const digit = buf[from]! % 10;
    return { end: from + 1 + digit, skip: 1 };
  },
};

/** A line that ends with CR or LF or CRLF, by a regular expression. */
const byExpression: Until = {
  maxHold: 1000,
  find(buf, from) {
    const found = /q+;/.exec(buf.toString('latin1', from));
    return found ? { end: from + found.index, skip: found[0].length } : 'more';
  },
};

const NEEDLES = ['\n', '\r\n', ';', 'qqq', 'aab', 'ababba', '\r\n.\r\n', 'aaaaaaaaaaaab', '\r\r'];
const SETS = [
  ['\r\n', '\n'],
  ['\r', '\r\n', '\n'],
  ['aab', 'ab', 'abq'],
  ['a', 'aa', 'aaa'],
  ['ababba', 'bab', 'bb'],
  ['\r\n.\r\n', '\n.\n'],
  ['abc', 'bq', 'c;'],
  [';', 'aq;'],
];

const needle = fc.constantFrom(...NEEDLES);
const terminator: fc.Arbitrary<Terminator> = fc.oneof(
  { weight: 5, arbitrary: needle.map(bytes) },
  { weight: 4, arbitrary: fc.constantFrom(...SETS).map((set) => set.map(bytes)) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom<Terminator>(byLength, byExpression) },
  { weight: 1, arbitrary: fc.constant(null) },
);

const stream = fc
  .array(
    fc.constantFrom('a', 'b', 'q', '\r', '\n', '.', ';', '3', 'ab', 'aab', '\r\n', '\r\n.\r\n', 'ababba', 'aaaaaa'),
    {
      maxLength: 40,
    },
  )
  .map((parts) => parts.join(''));
const sizes = fc.array(fc.nat(9), { maxLength: 60 });

function cut(text: string, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    chunks.push(bytes(text.slice(at, at + length)));
    at += length;
  }
  return [...chunks, bytes(text.slice(at))];
}

function check(steps: Step[], text: string, lengths: readonly number[]): void {
  expect(actualOutcome(cut(text, lengths), steps)).to.deep.equal(expectedOutcome(text, steps));
}

function holdsOne(t: Terminator, before: Buffer): boolean {
  const needles = t instanceof Uint8Array ? [t] : Array.isArray(t) ? (t as Uint8Array[]) : [];
  return needles.some((one) => before.includes(Buffer.from(one)));
}

describe('Framer, by properties', () => {
  it('cuts as the model does with one terminator after the other, in any chunks', () => {
    fc.assert(
      fc.property(fc.array(terminator, { minLength: 1, maxLength: 6 }), stream, sizes, (terminators, text, lengths) => {
        check(
          terminators.map((one) => ({ terminator: one })),
          text,
          lengths,
        );
      }),
      { seed: 1, numRuns: 4000 },
    );
  });

  it('with terminator bytes kept', () => {
    fc.assert(
      fc.property(fc.array(terminator, { minLength: 1, maxLength: 4 }), stream, sizes, (terminators, text, lengths) => {
        check(
          terminators.map((one) => ({ terminator: one, options: { keep: true } })),
          text,
          lengths,
        );
      }),
      { seed: 2, numRuns: 2000 },
    );
  });

  it('with virtual bytes before the first', () => {
    const before = fc.constantFrom('\r\n', '\r', 'ab', 'aaaaa', '.\r\n', 'x');
    const preceded = fc
      .tuple(
        fc.oneof(
          needle.map(bytes),
          fc.constantFrom(...SETS).map((set) => set.map(bytes)),
        ),
        before,
      )
      .filter(([t, p]) => !holdsOne(t, bytes(p)));
    fc.assert(
      fc.property(fc.array(preceded, { minLength: 1, maxLength: 4 }), stream, sizes, (all, text, lengths) => {
        check(
          all.map(([t, p]) => ({ terminator: t, options: { precededBy: bytes(p) } })),
          text,
          lengths,
        );
      }),
      { seed: 3, numRuns: 3000 },
    );
  });

  for (const overlong of ['error', 'discard', 'deliver'] as const) {
    it(`with a limit and the policy ${overlong}`, () => {
      const limited = fc.tuple(terminator, fc.integer({ min: 1, max: 10 }), fc.boolean());
      fc.assert(
        fc.property(fc.array(limited, { minLength: 1, maxLength: 4 }), stream, sizes, (all, text, lengths) => {
          const steps = all
            .filter(([t]) => t !== byExpression)
            .map(([t, maxFrame, keep]) => ({ terminator: t, options: { maxFrame, overlong, keep } }));
          if (steps.length > 0) check(steps, text, lengths);
        }),
        { seed: 4, numRuns: 3000 },
      );
    });
  }

  it('with everything at once', () => {
    const before = fc.option(fc.constantFrom('\r\n', 'ab', '.\r'), { nil: undefined });
    const armed = fc
      .record({
        terminator,
        before,
        keep: fc.boolean(),
        maxFrame: fc.integer({ min: 1, max: 12 }),
        overlong: fc.constantFrom('discard' as const, 'deliver' as const),
      })
      .filter(({ terminator: t, before: p }) => t !== byExpression && !(p !== undefined && holdsOne(t, bytes(p))))
      .map(({ terminator: t, before: p, ...rest }) => ({
        terminator: t,
        options: p === undefined ? rest : { ...rest, precededBy: bytes(p) },
      }));
    fc.assert(fc.property(fc.array(armed, { minLength: 1, maxLength: 4 }), stream, sizes, check), {
      seed: 6,
      numRuns: 4000,
    });
  });

  it('the same with handlers that are pending now and then, and breaks between turns', async () => {
    const late = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(terminator, { minLength: 1, maxLength: 4 }),
        stream,
        sizes,
        late,
        fc.integer({ min: 1, max: 4 }),
        async (terminators, text, lengths, pending, framesPerTurn) => {
          const steps = terminators.map((one) => ({ terminator: one }));
          const { frames, tail } = expectedOutcome(text, steps);
          let n = 0;
          const recording = record(
            { framesPerTurn },
            {
              async terminator(framer) {
                const armed = steps[++n];
                if (pending[n % pending.length]) await Promise.resolve();
                if (armed) framer.setTerminator(armed.terminator);
              },
            },
          );
          recording.framer.setTerminator(steps[0]!.terminator);
          for (const chunk of cut(text, lengths)) void recording.framer.feed(chunk);
          await recording.framer.end();
          expect(recording.frames).to.deep.equal(frames.map((frame) => frame.text));
          expect(recording.tail()).to.equal(tail);
          expect(recording.framer.ended).to.equal(true);
        },
      ),
      { seed: 7, numRuns: 500 },
    );
  });

  it('tiles the stream: offset, length and terminator of each frame lead to the next', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            needle.map(bytes),
            fc.constantFrom(...SETS).map((set) => set.map(bytes)),
          ),
          { minLength: 1 },
        ),
        stream,
        sizes,
        (all, text, lengths) => {
          const { frames, tail } = actualOutcome(
            cut(text, lengths),
            all.map((one) => ({ terminator: one })),
          );
          let at = 0;
          for (const frame of frames) {
            expect(frame.offset).to.equal(at);
            expect(frame.text).to.equal(text.slice(at, at + frame.length));
            at += frame.length;
            expect(text.startsWith(frame.terminator!, at)).to.equal(true);
            at += frame.terminator!.length;
          }
          expect(text.slice(at)).to.equal(tail);
        },
      ),
      { seed: 5, numRuns: 2000 },
    );
  });
});
