// Whatever a client answers, a mechanism says one of three things, never throws, and lets nobody in by chance.
import { expect } from 'chai';
import fc from 'fast-check';
import type { SaslStep } from '../../../relay/auth/sasl.ts';
import { realClock } from '../../../src/clock.ts';
import { testLogins } from '../support/secure-client.ts';

const RUNS = 150;
const CLIENT = { address: '192.0.2.1', isTls: true, certificate: 'cn' };

/** Pieces that the grammars are made of, so that more than the first check is reached. */
const word = fc.constantFrom('n,,', 'y,a=bob,', 'n=alice,', 'r=abc', 'c=biws', 'p=', 'user=', 'auth=Bearer ', ',', '=');
const control = fc.constantFrom('\0', '\x01', '\r\n', ' ', 'alice', '\u00ad', '0'.repeat(32));
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
  fc
    .array(fc.oneof(word, control, fc.string({ maxLength: 10 })), { maxLength: 8 })
    .map((list) => Buffer.from(list.join(''))),
);

function isStep(step: SaslStep): boolean {
  if ('challenge' in step) return Buffer.isBuffer(step.challenge);
  return 'refused' in step && [454, 501, 535].includes(step.refused.code);
}

describe('every mechanism', () => {
  for (const mechanism of ['PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-256', 'OAUTHBEARER', 'XOAUTH2']) {
    it(`${mechanism} takes anything`, async () => {
      // Its timers do not wait: failures are answered at once.
      const clock = { ...realClock, setTimeout: (run: () => void) => queueMicrotask(run), clearTimeout: () => {} };
      const auth = await testLogins({ tokens: async () => null, clock });
      await fc.assert(
        fc.asyncProperty(fc.option(bytes), fc.array(bytes, { maxLength: 3 }), async (first, others) => {
          const exchange = auth.begin(mechanism, CLIENT);
          if (!('respond' in exchange)) throw new Error('it did not begin');
          for (const response of [first, ...others]) {
            const step = await exchange.respond(response);
            expect(isStep(step), JSON.stringify(step)).to.equal(true);
            if (!('challenge' in step)) break;
          }
        }),
        { numRuns: RUNS, seed: 3 },
      );
    });
  }
});
