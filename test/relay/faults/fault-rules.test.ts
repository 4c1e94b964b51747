// The rules themselves: what is read and what is refused, which one strikes and how often, and Mailpit's chaos on top.
import { expect } from 'chai';
import { Chaos, parseChaosTriggers } from '../../../relay/faults/chaos.ts';
import { type Belonging, type FaultFacts, parseListenerPattern } from '../../../relay/faults/fault-match.ts';
import { PHASES, RULE_FIELDS, readFaultRule } from '../../../relay/faults/fault-rule.ts';
import { FaultRules } from '../../../relay/faults/fault-rules.ts';
import { openFaults } from '../../../relay/faults/open-faults.ts';
import { parseFault } from '../../../relay/faults/short-form.ts';

const FACTS: FaultFacts = {
  localAddress: '127.0.0.1',
  localPort: 1025,
  commands: 3,
  user: 'ci',
  sender: 'a@x.example',
  recipients: ['b@y.example', 'c@z.example'],
};

function strikes(rules: FaultRules, times: number, facts: Partial<FaultFacts> = {}): string {
  const all = { ...FACTS, ...facts };
  return Array.from({ length: times }, () => (rules.find('rcpt', () => all) === null ? '.' : 'X')).join('');
}

function rulesOf(...texts: readonly string[]): FaultRules {
  const rules = new FaultRules();
  rules.replace(texts.map(parseFault));
  return rules;
}

describe('fault rules', () => {
  describe('are read', () => {
    for (const [text, rule] of [
      ['rcpt to=*@x.example reply=451 every=3', { phase: 'rcpt', to: '*@x.example', every: 3, reply: '451' }],
      ['dot drop', { phase: 'dot', drop: 'before' }],
      ['dot drop=after', { phase: 'dot', drop: 'after' }],
      ['phase=dot reset=before', { phase: 'dot', reset: 'before' }],
      ['mail reply="451 4.7.1 Come back" delay=2s', { phase: 'mail', delay: 2000, reply: '451 4.7.1 Come back' }],
      ['content throttle=10k delay=1500', { phase: 'content', delay: 1500, throttle: 10240 }],
      ['content truncate=100', { phase: 'content', truncate: 100 }],
      ['command after-commands=5 reply=421', { phase: 'command', afterCommands: 5, reply: '421' }],
      [
        'rcpt from=<> probability=25% seed=7 reply=450',
        { phase: 'rcpt', from: '<>', probability: 0.25, seed: 7, reply: '450' },
      ],
      ['tls fail listener=[::1]:465 count=1', { phase: 'tls', listener: '[::1]:465', count: 1, fail: true }],
      [
        '{"phase":"quit","reset":true,"namespace":"run 1","nth":2}',
        { phase: 'quit', namespace: 'run 1', nth: 2, reset: 'before' },
      ],
      [
        '{"phase":"noop","reply":"450","id":"my-1","to":null,"drop":false}',
        { phase: 'noop', reply: '450', id: 'my-1' },
      ],
    ] as const) {
      it(text, () => {
        expect(readFaultRule(parseFault(text), 'f1')).to.deep.equal({ id: 'f1', ...rule });
      });
    }
  });

  describe('are refused with one line', () => {
    for (const [text, says] of [
      ['', 'it is empty'],
      ['rcpt reply="451', 'expected name=value at "reply=\\"451"'],
      ['{"phase":', 'it begins like JSON and is none'],
      ['reply=451', 'phase is missing'],
      ['rctp reply=451', 'unknown phase "rctp"; did you mean "rcpt"?'],
      ['rcpt rply=451', 'unknown field "rply"; did you mean "reply"?'],
      ['rcpt', 'it does nothing'],
      ['rcpt to=x reply=451', 'to: expected an address or a pattern'],
      ['rcpt reply=250', 'reply: expected a code from 400 to 599'],
      ['rcpt reply="451 a\nb"', 'reply: expected a code from 400 to 599'],
      ['rcpt reply=451 drop', 'reply and drop exclude each other'],
      ['rcpt drop=after', '"after" is for dot only'],
      ['rcpt drop=later', 'drop: expected true, "before" or "after"'],
      ['rcpt truncate=5', 'truncate is not possible at rcpt; possible: delay, reply, drop, reset'],
      ['content reply=451', 'reply is not possible at content'],
      ['tls delay=1s', 'delay is not possible at tls'],
      ['mail fail', 'fail is not possible at mail'],
      ['ehlo from=@x.example reply=451', 'from: at ehlo no sender is known'],
      ['mail to=@x.example reply=451', 'to: at mail no recipient is known'],
      ['rcpt nth=1 every=2 reply=451', 'nth and every exclude each other'],
      ['rcpt nth=0 reply=451', 'nth: expected a whole number of at least 1'],
      ['rcpt probability=2 reply=451', 'probability: expected a number from 0 to 1'],
      ['rcpt delay=2h', 'delay: expected milliseconds, or a duration such as 500ms or 2s, up to 1h'],
      ['rcpt throttle=0', 'throttle: expected bytes a second'],
      ['rcpt listener=mx:25 reply=451', 'listener: expected a port or an address'],
      ['rcpt reply=451 reply=452', 'reply stands there twice'],
    ] as const) {
      it(text || 'nothing', () => {
        expect(() => new FaultRules().add(parseFault(text)))
          .to.throw(Error, says)
          .with.property('code', 'BAD_OPTION');
      });
    }

    it('what is no object', () => {
      for (const given of [null, [], 'rcpt', 5])
        expect(() => new FaultRules().add(given)).to.throw('expected an object');
    });

    it('an option, with its text', () => {
      const options = { fault: ['noop reply=451', 'rcpt reply=2'], enableChaos: false, chaosTriggers: undefined };
      expect(() => openFaults(options)).to.throw('fault "rcpt reply=2": bad fault rule: reply: expected');
    });
  });

  describe('strike', () => {
    for (const [rule, wanted] of [
      ['rcpt reply=451', 'XXXXXXXX'],
      ['rcpt reply=451 nth=3', '..X.....'],
      ['rcpt reply=451 every=3', '..X..X..'],
      ['rcpt reply=451 count=2', 'XX......'],
      ['rcpt reply=451 every=2 count=2', '.X.X....'],
      ['rcpt reply=451 probability=0', '........'],
      ['rcpt reply=451 probability=1', 'XXXXXXXX'],
      ['mail reply=451', '........'],
      ['rcpt reply=451 from=a@x.example to=@z.example', 'XXXXXXXX'],
      ['rcpt reply=451 from=<>', '........'],
      ['rcpt reply=451 to=C@Z.EXAMPLE', 'XXXXXXXX'],
      ['rcpt reply=451 listener=1025', 'XXXXXXXX'],
      ['rcpt reply=451 listener=localhost:1025', 'XXXXXXXX'],
      ['rcpt reply=451 listener=127.0.0.2:1025', '........'],
      ['rcpt reply=451 listener=1026', '........'],
      ['rcpt reply=451 after-commands=3', 'XXXXXXXX'],
      ['rcpt reply=451 after-commands=4', '........'],
      ['rcpt reply=451 namespace=nobody', '........'],
    ] as const) {
      it(rule, () => expect(strikes(rulesOf(rule), 8)).to.equal(wanted));
    }

    it('by the first that does, and those behind it do not count', () => {
      const rules = rulesOf('rcpt reply=451 every=2', 'rcpt reply=452');
      expect(strikes(rules, 4)).to.equal('XXXX');
      expect(rules.list().map(({ id, matches, hits }) => [id, matches, hits])).to.deep.equal([
        ['f1', 4, 2],
        ['f2', 2, 2],
      ]);
    });

    it('by chance alike for the same seed, whatever other rules there are, and again after a reset', () => {
      const alone = strikes(rulesOf('rcpt reply=451 probability=0.5 seed=3'), 40);
      expect(alone).to.match(/X/).and.match(/\./);
      const among = rulesOf('mail reply=451 probability=0.5', 'rcpt reply=451 probability=0.5 seed=3');
      expect(strikes(among, 40)).to.equal(alone);
      expect(among.reset('f2')).to.equal(true);
      expect(strikes(among, 40)).to.equal(alone);
      expect(among.reset('f9')).to.equal(false);
      const share = strikes(rulesOf('rcpt reply=451 probability=0.1'), 2000).replaceAll('.', '').length / 2000;
      expect(share).to.be.within(0.07, 0.13);
    });

    it('in a namespace, by login, port or recipient, until it is over', () => {
      const rules = rulesOf('rcpt reply=451 namespace=run');
      const namespace: Belonging = { name: 'run', users: [], ports: [], recipients: [], expiresAt: null };
      for (const [own, wanted] of [
        [{}, '.'],
        [{ users: ['ci'] }, 'X'],
        [{ ports: [1025] }, 'X'],
        [{ recipients: ['*+run@*', '@z.example'] }, 'X'],
        [{ recipients: ['*+run@*'] }, '.'],
        [{ users: ['ci'], expiresAt: Date.now() - 1 }, '.'],
      ] as const) {
        rules.setNamespaces([{ ...namespace, ...own }]);
        expect(strikes(rules, 1), JSON.stringify(own)).to.equal(wanted);
      }
      rules.setNamespaces([]);
      expect(rules.list()).to.deep.equal([]);
    });
  });

  describe('are looked after', () => {
    it('one by one, in their order', () => {
      let changes = 0;
      const rules = new FaultRules(() => changes++);
      rules.add({ phase: 'mail', reply: '451' });
      rules.add({ phase: 'rcpt', reply: '451', id: 'f3' });
      rules.add({ phase: 'quit', reply: '451' }, 0);
      expect(() => rules.add({ phase: 'quit', reply: '451', id: 'f3' })).to.throw(
        'there is one with the id f3 already',
      );
      expect(rules.add({ phase: 'noop', reply: '451' }).id).to.not.be.oneOf(
        rules
          .list()
          .slice(0, 3)
          .map(({ id }) => id),
      );
      expect(rules.list().map(({ phase }) => phase)).to.deep.equal(['quit', 'mail', 'rcpt', 'noop']);
      expect(rules.remove('f3')).to.equal(true);
      expect(rules.remove('f3')).to.equal(false);
      expect(changes).to.equal(1);
      rules.replace([]);
      expect([changes, rules.isEmpty]).to.deep.equal([2, true]);
    });

    it('those of a namespace apart from the others', () => {
      const rules = rulesOf('mail reply=451', 'rcpt reply=451 namespace=run');
      expect(() => rules.replace([{ phase: 'noop', reply: '451' }, { phase: 'nope' }], 'run')).to.throw(
        'unknown phase',
      );
      expect(rules.list('run').map(({ phase }) => phase)).to.deep.equal(['rcpt']);
      const mine = rules.replace([{ phase: 'noop', reply: '451', namespace: 'other' }], 'run');
      expect(mine.map(({ phase, namespace }) => [phase, namespace])).to.deep.equal([['noop', 'run']]);
      expect(rules.list().map(({ phase }) => phase)).to.deep.equal(['mail', 'noop']);
    });

    it('not without end', () => {
      const many = Array.from({ length: 1001 }, () => ({ phase: 'noop', reply: '451' }));
      expect(() => new FaultRules().replace(many)).to.throw('at most 1000 fault rules');
    });
  });

  it('listeners are ports, or IP addresses with one', () => {
    const read = ['25', '0.0.0.0:25', '[::]:25', '[::1]:25', '127.0.0.1:25', '70000', 'a:b', '[x]:25', ''].map(
      parseListenerPattern,
    );
    expect(read.map((one) => one && (one.host ?? 'any'))).to.deep.equal([
      'any',
      'any',
      'any',
      '::1',
      '127.0.0.1',
      null,
      null,
      null,
      null,
    ]);
  });

  it('every phase and every field is documented', async () => {
    const { readFile } = await import('node:fs/promises');
    const text = await readFile('docs/faults.md', 'utf8');
    for (const name of [...PHASES, ...RULE_FIELDS]) expect(text, name).to.include(`\`${name}\``);
  });
});

describe('chaos (Mailpit)', () => {
  const off = {
    Sender: { ErrorCode: 451, Probability: 0 },
    Recipient: { ErrorCode: 451, Probability: 0 },
    Authentication: { ErrorCode: 535, Probability: 0 },
  };

  it('is off at first, and what is left out is off again', () => {
    const rules = new FaultRules();
    const chaos = new Chaos(rules);
    expect(chaos.get()).to.deep.equal(off);
    const set = chaos.set({ sender: { errorcode: 550, PROBABILITY: 30 }, Recipient: { Probability: 100 } });
    expect(set).to.deep.equal({
      ...off,
      Sender: { ErrorCode: 550, Probability: 30 },
      Recipient: { ErrorCode: 451, Probability: 100 },
    });
    expect(rules.list().map(({ id, phase, probability }) => [id, phase, probability])).to.deep.equal([
      ['chaos:sender', 'mail', 0.3],
      ['chaos:recipient', 'rcpt', 1],
    ]);
    expect(chaos.set({ Authentication: { ErrorCode: 454, Probability: 1 } }).Sender).to.deep.equal(off.Sender);
    expect(chaos.set({})).to.deep.equal(off);
    expect(rules.isEmpty).to.equal(true);
  });

  it('keeps every per cent', () => {
    const chaos = new Chaos(new FaultRules());
    for (let percent = 0; percent <= 100; percent++) {
      expect(chaos.set({ Sender: { Probability: percent } }).Sender.Probability).to.equal(percent);
    }
  });

  for (const [given, says] of [
    [null, 'the triggers: expected an object'],
    [[], 'the triggers: expected an object'],
    [{ Sender: 5 }, 'Sender: expected an object'],
    [{ Sender: { ErrorCode: 250 } }, 'Sender: ErrorCode: expected a whole number from 400 to 599'],
    [{ Recipient: { Probability: 101 } }, 'Recipient: Probability: expected a whole number from 0 to 100'],
    [{ Recipient: { Probability: '5' } }, 'Recipient: Probability: expected a whole number from 0 to 100'],
  ] as const) {
    it(`refuses ${JSON.stringify(given)} and changes nothing`, () => {
      const chaos = new Chaos(new FaultRules());
      const before = chaos.set({ Sender: { Probability: 5 } });
      expect(() => chaos.set(given)).to.throw(says);
      expect(chaos.get()).to.deep.equal(before);
    });
  }

  it("reads Mailpit's option", () => {
    expect(parseChaosTriggers('Sender:451:5, authentication:535:10')).to.deep.equal({
      Sender: { ErrorCode: 451, Probability: 5 },
      Authentication: { ErrorCode: 535, Probability: 10 },
    });
    for (const text of ['Sender', 'Sender:451', 'Nobody:451:5', 'Sender:200:5', 'Sender:451:500']) {
      expect(() => parseChaosTriggers(text), text).to.throw('bad chaos');
    }
    const { chaos } = openFaults({ fault: undefined, enableChaos: false, chaosTriggers: 'Sender:452:50' });
    expect(chaos?.get().Sender).to.deep.equal({ ErrorCode: 452, Probability: 50 });
    expect(openFaults({ fault: undefined, enableChaos: false, chaosTriggers: undefined }).chaos).to.equal(null);
  });
});
