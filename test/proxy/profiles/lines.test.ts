// Lines that are written down together are the same as those that are framed one by one: a chunk of many lines against
// the same bytes in small pieces.
import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_LINE } from '../../../proxy/dialogue/direction.ts';
import type { DialogueEvent } from '../../../proxy/dialogue/event.ts';
import { PROFILES } from '../../../proxy/profiles/table.ts';
import { type Burst, watch } from './support.ts';

/** What lines are made of: ends of both kinds, secrets, TLS, bytes of all sorts. */
const piece = fc.constantFrom(
  'a line\r\n',
  'b\n',
  '\n',
  '\r',
  'PASS x\r\n',
  'token: y',
  'Password: ',
  '\x16\x03',
  '\xff\0\n',
  'c',
);
const text = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
const burst = fc.record({ from: fc.constantFrom('client' as const, 'server' as const), bytes: text });

function inPieces(bursts: readonly Burst[], size: number): Burst[] {
  return bursts.flatMap(({ from, bytes }) => {
    const count = Math.ceil(bytes.length / size);
    return Array.from({ length: count }, (_, i) => ({ from, bytes: bytes.subarray(i * size, (i + 1) * size) }));
  });
}

/** Times and numbers aside, which count chunks. What is raw comes in the pieces that it came in. */
function seen(events: readonly DialogueEvent[]): unknown[] {
  const raw: Record<string, Buffer> = {};
  const rest = events.flatMap((event) => {
    const { seq: _seq, time: _time, ...fields } = event;
    if (event.type !== 'frame' || (event.kind !== 'raw' && event.kind !== 'tls')) return [fields];
    raw[event.from] = Buffer.concat([raw[event.from] ?? Buffer.alloc(0), event.bytes]);
    return [];
  });
  return [...rest, raw];
}

describe('lines of any protocol', () => {
  it('are the same in one chunk and in many', () => {
    fc.assert(
      fc.property(fc.array(burst, { maxLength: 6 }), fc.integer({ min: 1, max: 9 }), (bursts, size) => {
        // Bursts of one side that follow each other are one.
        const whole = bursts.filter(({ bytes }) => bytes.length > 0);
        for (const keepSecrets of [false, true]) {
          const one = seen(watch(PROFILES.line, whole, keepSecrets));
          expect(seen(watch(PROFILES.line, inPieces(whole, size), keepSecrets))).to.deep.equal(one);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('that are too long among them are cut as ever', () => {
    const bytes = Buffer.from(`a\r\n${'x'.repeat(MAX_LINE + 1)}\r\nb\r\n`.repeat(3));
    const bursts: Burst[] = [{ from: 'client', bytes }];
    const one = seen(watch(PROFILES.line, bursts));
    expect(seen(watch(PROFILES.line, inPieces(bursts, 10_000)))).to.deep.equal(one);
  });

  it('hides a secret among a thousand lines', () => {
    const bytes = Buffer.from(`${'x\r\n'.repeat(500)}PASS hush\r\n${'x\r\n'.repeat(500)}`);
    const events = watch(PROFILES.line, [{ from: 'client', bytes }]);
    const all = events.map((event) => (event.type === 'frame' ? event.bytes.toString('latin1') : '')).join('');
    expect(all).to.equal(bytes.toString('latin1').replace('hush', '****'));
  });
});
