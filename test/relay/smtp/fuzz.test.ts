// Random sessions: commands, contents, chunks and logins in any order and in pieces, cut anywhere. No crash, no hang,
// nothing left behind, every reply well-formed, and a slow model of the protocol (support/session-model.ts) agrees about
// what was taken in. LONEDOT_FUZZ_RUNS=10000 tries more, LONEDOT_FUZZ_SEED another beginning.
import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_AUTH_LINE } from '../../../relay/auth/sasl.ts';
import { REPLIES, reply } from '../../../relay/smtp/replies.ts';
import type { SmtpContext } from '../../../relay/smtp/session-context.ts';
import { turn, until, within } from '../../support/within.ts';
import { Client } from '../support/client.ts';
import { follow, type ModelOptions } from '../support/session-model.ts';
import { Scene } from '../support/sessions.ts';

const { LONEDOT_FUZZ_RUNS, LONEDOT_FUZZ_SEED } = process.env;
const RUNS = Number(LONEDOT_FUZZ_RUNS ?? 500);
const SEED = Number(LONEDOT_FUZZ_SEED ?? 20261122);

const LIMITS = {
  maxLine: 70,
  maxErrors: 20,
  maxSize: 250,
  maxRecipients: 3,
  maxHeader: 120,
  maxTextLine: 90,
  maxHops: 2,
};

const LINES = [
  'EHLO c.example',
  'HELO c.example',
  'LHLO c.example',
  'MAIL FROM:<a@x.example>',
  'MAIL FROM:<> SIZE=9 BODY=8BITMIME',
  'MAIL FROM:<a@x.example> BODY=BINARYMIME',
  'MAIL FROM:<\xc3\xa9@x.example> SMTPUTF8 RET=HDRS',
  'MAIL FROM:<a@x.example> REQUIRETLS',
  'MAIL FROM:<a@x.example> SIZE=99999',
  'MAIL FROM: a@x.example',
  'RCPT TO:<b@x.example>',
  'RCPT TO:<no@x.example>',
  'RCPT TO:<later@x.example>',
  'RCPT TO:<b@x.example> NOTIFY=NEVER',
  'RCPT TO:<\xc3\xa9@x.example> ORCPT=utf-8;\\x{E9}@x.example',
  'RCPT TO:<postmaster>',
  'DATA',
  'DATA now',
  'BDAT 0',
  'BDAT 0 LAST',
  'RSET',
  'NOOP',
  'NOOP x',
  'VRFY b SMTPUTF8',
  'HELP',
  'EXPN x',
  'AUTH PLAIN',
  'AUTH PLAIN AG9rAG9r',
  'AUTH LOGIN =',
  'AUTH NONE',
  'AG9rAG9r',
  '*',
  'STARTTLS',
  'XCLIENT NAME=x',
  '',
  '.',
];
/** Lines behind which the connection ends. */
const LAST_LINES = ['BDAT 5 FIRST', 'BDAT 99999999999', 'BDAT', 'BDAT 3\0', 'QUIT', 'GET / HTTP/1.1', '\x16\x03\x01'];
const PIECES = [
  '\r\n',
  '\r\n.\r\n',
  '.',
  '..',
  '\n',
  '\r',
  '\n.\n',
  '\0',
  '\xe9',
  'x',
  'S: t\r\n',
  ' y\r\n',
  '\r\n\r\n',
  'QUIT\r\n',
];
const HOP = 'Received: from a by b; now\r\n';

const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const piece = fc.oneof(
  often(6, fc.constantFrom('x', 'S: t\r\n', '\r\n')),
  often(6, fc.constantFrom(...PIECES)),
  often(1, fc.constant(HOP)),
  often(1, longText(300)),
);
const content = fc
  .oneof(fc.array(piece, { maxLength: 3 }), fc.array(piece, { maxLength: 12 }))
  .map((all) => all.join(''));
const line = fc
  .tuple(
    fc.oneof(
      often(20, fc.constantFrom(...LINES)),
      often(1, fc.constantFrom(...LAST_LINES)),
      often(1, randomBytes(30)),
      often(1, longText(200)),
      often(1, longText(13_000)),
    ),
    fc.oneof(
      often(30, fc.constant('\r\n')),
      often(1, fc.constant('\n')),
      often(1, fc.constant('\r')),
      often(1, fc.constant('')),
    ),
  )
  .map(([text, end]) => text + end);
const message = content.map((text) => `DATA\r\n${text}\r\n.\r\n`);
const chunk = fc
  .tuple(content, fc.boolean(), fc.oneof(often(9, fc.constant(0)), often(1, fc.integer({ min: -3, max: 3 }))))
  .map(([text, isLast, off]) => `BDAT ${Math.max(0, text.length + off)}${isLast ? ' LAST' : ''}\r\n${text}`);
const envelope = fc
  .tuple(
    fc.oneof(often(5, fc.constant('')), often(1, fc.constant(' BODY=BINARYMIME'))),
    fc.array(fc.constantFrom('b', 'b', 'b', 'no', 'later'), { minLength: 1, maxLength: 4 }),
  )
  .map(([body, names]) => {
    const recipients = names.map((name) => `RCPT TO:<${name}@x.example>\r\n`).join('');
    return `MAIL FROM:<a@x.example>${body}\r\n${recipients}`;
  });
const transaction = fc
  .tuple(
    envelope,
    fc.oneof(
      message,
      chunk,
      fc.array(chunk, { maxLength: 4 }).map((all) => all.join('')),
    ),
  )
  .map(([before, behind]) => `RSET\r\n${before}${behind}`);
const moves = fc.array(
  fc.oneof(
    often(4, line),
    often(2, envelope),
    often(2, message),
    often(2, chunk),
    often(6, transaction),
    often(1, randomBytes(40)),
  ),
  { maxLength: 20 },
);

function longText(max: number): fc.Arbitrary<string> {
  return fc.integer({ min: 1, max }).map((length) => 'y'.repeat(length));
}

function randomBytes(maxLength: number): fc.Arbitrary<string> {
  return fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
}

/** One user, whose response is `\0ok\0ok`; LOGIN asks twice. */
const AUTH: SmtpContext['auth'] = {
  mechanisms: () => ['PLAIN', 'LOGIN'],
  begin: (mechanism) => {
    if (mechanism === 'NONE') return reply(504, '5.5.4', 'No such mechanism');
    let asked = 0;
    return {
      respond: async (response) => {
        await turn();
        if (response === null || (mechanism === 'LOGIN' && asked++ < 2)) return { challenge: Buffer.from('go on') };
        return response.equals(Buffer.from('\0ok\0ok')) ? { user: 'ok' } : { refused: reply(535, '5.7.8', 'No') };
      },
    };
  },
};

interface Case {
  readonly greets: boolean;
  readonly moves: readonly string[];
  readonly cuts: readonly number[];
  readonly isLmtp: boolean;
  readonly lineEndings: ModelOptions['lineEndings'];
  readonly slow: boolean;
}

interface Outcome {
  readonly replies: readonly string[];
  readonly stored: readonly { readonly recipients: number; readonly content: string }[];
}

async function run(one: Case, chunks: readonly Buffer[]): Promise<Outcome> {
  const scene = new Scene({
    limits: LIMITS,
    lineEndings: one.lineEndings,
    policy: { offersBinary: true },
    door: { lmtp: one.isLmtp },
    context: { auth: AUTH },
    route: (to) =>
      to.startsWith('no') ? reply(550, '5.1.1', 'No') : to.startsWith('later') ? REPLIES.notNow : 'capture',
  });
  if (one.slow) {
    scene.store.onWrite = () => turn();
    scene.store.onCommit = () => turn();
  }
  const client = new Client(scene.inMemory());
  for (const bytes of chunks) {
    client.send(bytes);
    await turn();
  }
  client.transport.end();
  const replies = await client.rest();
  await within(3000, client.ended, 'the end of the session');
  await until(3000, () => scene.store.open.size === 0, 'the end of every message');
  await until(3000, () => scene.context.sessions.size === 0, 'the end of the session');
  expect(scene.log.records.filter(({ level }) => level === 'error')).to.deep.equal([]);
  const stored = scene.bodies.map((text, i) => ({
    recipients: scene.store.messages[i]!.message.recipients.length,
    content: text,
  }));
  return { replies, stored };
}

/** `250-first`, `250 last`: one code for all lines, printable, not too long (RFC 5321 4.5.3.1.5). */
function checkForm(text: string): number {
  const lines = text.split('\n');
  const code = lines[0]!.slice(0, 3);
  lines.forEach((one, i) => {
    expect(one).to.match(i === lines.length - 1 ? /^[2-5]\d\d [ -~]*$/ : /^[2-5]\d\d-[ -~]+$/);
    expect(one.slice(0, 3)).to.equal(code);
    expect(one.length).to.be.at.most(510);
  });
  return Number(code);
}

describe('random sessions', () => {
  it(`are answered as the protocol wants, ${RUNS} of them (seed ${SEED})`, async function () {
    this.timeout(20_000 + RUNS * 200);
    const cases: fc.Arbitrary<Case> = fc.record({
      greets: fc.oneof(often(9, fc.constant(true)), often(1, fc.constant(false))),
      moves,
      cuts: fc.array(fc.nat({ max: 400 }), { maxLength: 12 }),
      isLmtp: fc.boolean(),
      lineEndings: fc.constantFrom('strict', 'normalise', 'preserve'),
      slow: fc.boolean(),
    });
    const tally = { stored: 0, replies: 0 };
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const hello = one.greets ? `${one.isLmtp ? 'LHLO' : 'EHLO'} c\r\n` : '';
        const input = hello + one.moves.join('');
        const outcome = await run(one, pieces(input, one.cuts));
        const [greeting, ...codes] = outcome.replies.map(checkForm);
        expect(greeting).to.equal(220);
        const { isLmtp, lineEndings } = one;
        const maxHeld = MAX_AUTH_LINE + 64;
        const model = follow(input, codes, {
          isLmtp,
          lineEndings,
          maxLine: LIMITS.maxLine,
          maxHeld,
          maxAuthLine: MAX_AUTH_LINE,
        });
        expect(outcome.stored).to.deep.equal(model);
        // However it is cut, it is the same session.
        expect(await run(one, [Buffer.from(input, 'latin1')])).to.deep.equal(outcome);
        tally.stored += model.length;
        tally.replies += codes.length;
      }),
      { numRuns: RUNS, seed: SEED },
    );
    // The generator does reach the interesting places.
    expect(tally.stored).to.be.greaterThan(RUNS / 10);
    expect(tally.replies).to.be.greaterThan(RUNS * 3);
  });
});

function pieces(input: string, cuts: readonly number[]): Buffer[] {
  const bytes = Buffer.from(input, 'latin1');
  const ends = [...new Set(cuts.filter((cut) => cut > 0 && cut < bytes.length))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end));
}
