// How effects are written, and what is said of those that are none.
import { expect } from 'chai';
import { parseRule } from '../../../proxy/effects/parse.ts';
import type { Rule } from '../../../proxy/effects/rule.ts';

const WRITTEN: readonly (readonly [string, object])[] = [
  ['client: drop', { on: 'client', verb: null, pattern: null, first: 1, every: 1, chance: 1 }],
  ['client data #1: drop', { verb: 'DATA', first: 1, last: 1 }],
  ['  server  250  #2-4 :  close ', { on: 'server', verb: '250', first: 2, last: 4 }],
  ['client X-TEST #3-: close', { verb: 'X-TEST', first: 3, last: Number.POSITIVE_INFINITY }],
  [
    'client every 3 each conn 2-5 12.5% seed 7: close',
    { every: 3, isEach: true, firstConn: 2, lastConn: 5, chance: 0.125, seed: 7 },
  ],
  ['client conn 2-: close', { firstConn: 2, lastConn: Number.POSITIVE_INFINITY }],
  ['client: delay 1.5s', { actions: [{ type: 'delay', ms: 1500 }] }],
  ['client: throttle 10k/s', { actions: [{ type: 'throttle', rate: 10_240 }] }],
  ['client: slice', { actions: [{ type: 'slice', ms: 1 }] }],
  [
    'client: slice 5ms, delay 2s',
    {
      actions: [
        { type: 'slice', ms: 5 },
        { type: 'delay', ms: 2000 },
      ],
    },
  ],
  ['client: corrupt', { actions: [{ type: 'corrupt', count: 1, at: null }] }],
  ['client: corrupt 3 at 10', { actions: [{ type: 'corrupt', count: 3, at: 10 }] }],
  ['client: cut 7', { actions: [{ type: 'cut', where: 7, end: 'close' }] }],
  ['client: cut middle then reset', { actions: [{ type: 'cut', where: 'middle', end: 'reset' }] }],
  ['client: cut crlf', { actions: [{ type: 'cut', where: 'crlf', end: 'close' }] }],
  ['client: answer 250-a, b: c\\r\\n250 \\x41\\\\', { actions: [{ type: 'answer', text: '250-a, b: c\r\n250 A\\' }] }],
  [
    'client: delay 1s, answer 451 x',
    {
      actions: [
        { type: 'delay', ms: 1000 },
        { type: 'answer', text: '451 x' },
      ],
    },
  ],
  ['connect #1: delay 2s, refuse', { on: 'connect', actions: [{ type: 'delay', ms: 2000 }, { type: 'refuse' }] }],
];

const REFUSED: readonly (readonly [string, string])[] = [
  ['', 'expected client, server or connect, not nothing'],
  ['clinet: drop', 'not "clinet": did you mean client?'],
  ['client', 'expected ":" and what to do'],
  ['client DATA', 'expected ":" and what to do'],
  ['client:', 'expected delay, throttle, slice'],
  ['client: dorp', 'not "dorp": did you mean drop?'],
  ['client: drop it', 'expected "," or the end, not "it"'],
  ['client #0: drop', 'counting begins with 1'],
  ['client #3-2: drop', 'counting begins with 1'],
  ['client 101%: drop', 'chance ends with 100%'],
  ['client A B: drop', 'expected a verb, /a regular expression/'],
  ['client /(/: drop', 'Unterminated group'],
  ['client /a/q: drop', 'flags'],
  ['client: delay', 'delay needs a duration'],
  ['client: delay soon', 'delay needs a duration'],
  ['client: delay 5', '"5" is no duration'],
  ['client: throttle 10k', 'bytes a second'],
  ['client: cut', 'cut needs a place'],
  ['client: cut 5 then leave', 'behind "then" stands close or reset'],
  ['client: rewrite a => b', 'rewrite needs /a regular expression/ => and a text'],
  ['client: answer', 'answer needs a text'],
  ['client body: answer 250 ok', 'answer is for lines'],
  ['server 354: answer 451', 'for the server there is rewrite'],
  ['client: refuse', 'refuse is for connect'],
  ['connect: drop', 'connect can be delay, refuse, reset, answer'],
  ['connect DATA: refuse', 'expected #N, every N'],
];

describe('proxy: how effects are written', () => {
  for (const [text, expected] of WRITTEN) {
    it(text, () => {
      const rule = parseRule(text);
      const some = Object.fromEntries(Object.keys(expected).map((key) => [key, rule[key as keyof Rule]]));
      expect(some).to.deep.equal(expected);
      expect(rule.text).to.equal(text.trim());
    });
  }

  it('takes expressions with their flags, slashes in them, and texts to the end', () => {
    const { pattern, actions } = parseRule('client /a\\/b[/:]c/i: rewrite /x(.)/i => a => $1, b');
    expect(String(pattern)).to.equal('/a\\/b[/:]c/i');
    const [rewrite] = actions;
    expect(rewrite?.type === 'rewrite' && [String(rewrite.find), rewrite.to]).to.deep.equal(['/x(.)/gi', 'a => $1, b']);
    expect(parseRule('client: rewrite /x/ =>').actions[0]).to.include({ to: '' });
  });

  it('is about lines where it takes them away, and about everything else where it does not', () => {
    const kinds = (text: string): string[] => [...parseRule(text).kinds];
    expect(kinds('client: drop')).to.not.include('body');
    expect(kinds('client /x/: close')).to.include('raw').and.not.include('body');
    expect(kinds('client: delay 1s')).to.include.members(['body', 'literal', 'raw', 'tls', 'command']);
    expect(kinds('client body /x/: drop')).to.deep.equal(['body']);
  });

  for (const [text, expected] of REFUSED) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parseRule(text))
        .to.throw(expected)
        .with.property('code', 'BAD_OPTION');
      expect(() => parseRule(text)).to.throw(`in the effect "${text}"`);
      expect(() => parseRule(text)).to.not.throw(/\n/);
    });
  }
});
