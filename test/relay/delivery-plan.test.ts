// What flags and variables about delivery come to, and the one line for those that make no sense.
import { expect } from 'chai';
import { planDelivery } from '../../relay/delivery-plan.ts';
import { resolveRelay, resolveSink } from '../../relay/options.ts';
import { ChatError } from '../../src/errors.ts';

const flags = (...given: readonly [name: string, value: string][]): ReadonlyMap<string, readonly string[]> => {
  const all = new Map<string, string[]>();
  for (const [name, value] of given) all.set(name, [...(all.get(name) ?? []), value]);
  return all;
};

const UP: [string, string] = ['upstream', 'smtp://up.example?name=main'];
const SPARE: [string, string] = ['upstream', 'smtp://spare.example?name=spare'];

describe('planDelivery', () => {
  it('relays by all upstreams in their order, unless told otherwise', () => {
    const { upstreams, routes, relayFrom, relayTo, retry, notices } = planDelivery(
      resolveRelay({ flags: flags(UP, SPARE) }),
    );
    expect(upstreams.map(({ name }) => name)).to.deep.equal(['main', 'spare']);
    expect(routes.find('a@x.example', 'b@y.example')).to.deep.equal({ kind: 'relay', upstreams: ['main', 'spare'] });
    expect(relayFrom.matches('127.0.0.1')).to.equal(true);
    expect(relayFrom.matches('192.0.2.1')).to.equal(false);
    expect(relayTo.has('b@y.example')).to.equal(false);
    expect(retry).to.deep.equal({
      min: 60_000,
      max: 3_600_000,
      expire: 432_000_000,
      delayNotice: 14_400_000,
      unknown: 'retry',
    });
    expect(notices).to.deep.equal({ from: '', returnSize: 51_200, perHour: 100 });
  });

  it('captures in a sink, but for what is routed', () => {
    const { routes } = planDelivery(resolveSink({ flags: flags(UP, ['route', '*@real.example=relay']) }));
    expect(routes.find('', 'b@real.example')).to.deep.equal({ kind: 'relay', upstreams: ['main'] });
    expect(routes.find('', 'b@y.example')).to.deep.equal({ kind: 'capture' });
  });

  it('reads several routes from one variable, whatever stands in their actions', () => {
    const variables = {
      LONEDOT_UPSTREAM: 'smtp://up.example?name=main,smtp://spare.example?name=spare',
      LONEDOT_ROUTE: '@a.example=relay:spare,main ; @b.example=reject:550 5.7.1 No, thank you',
      LONEDOT_RELAY_TO: 'a.example, *.b.example',
    };
    const { routes, relayTo } = planDelivery(resolveRelay({ variables }));
    expect(routes.find('', 'x@a.example')).to.deep.equal({ kind: 'relay', upstreams: ['spare', 'main'] });
    expect(routes.find('', 'x@b.example')).to.deep.equal({
      kind: 'reject',
      reply: { code: 550, status: '5.7.1', text: 'No, thank you' },
    });
    expect(['x@a.example', 'x@sub.b.example', 'x@b.example'].map((one) => relayTo.has(one))).to.deep.equal([
      true,
      true,
      false,
    ]);
  });

  it('never pauses an upstream for longer than a mail waits', () => {
    const { pause } = planDelivery(
      resolveRelay({ flags: flags(UP, ['retry-min', '1s'], ['retry-max', '2s'], ['pause-min', '3s']) }),
    );
    expect(pause).to.deep.equal({ min: 2_000, max: 2_000 });
  });

  const BAD: readonly [why: RegExp, ...given: [string, string][]][] = [
    [/retry-min is longer than retry-max/, UP, ['retry-min', '2h']],
    [/pause-min is longer than pause-max/, UP, ['pause-min', '10m']],
    [/expire is shorter than retry-min/, UP, ['expire', '10s']],
    [/two upstreams are named main/, UP, UP],
    [
      /bad route "b@y\.example=relay:other": no upstream is named "other"; there are: main/,
      UP,
      ['route', 'b@y.example=relay:other'],
    ],
    [/"a@b\.example" is no domain/, UP, ['relay-to', 'a@b.example']],
    [/--notice-from: expected an address/, UP, ['notice-from', 'postmaster']],
    [/--bounce-size: expected a size .*of at most 56k/, UP, ['bounce-size', '60k']],
    [/--unknown: expected one of retry, hold/, UP, ['unknown', 'bounce']],
  ];
  for (const [why, ...given] of BAD) {
    it(`refuses in one line: ${why.source}`, () => {
      expect(() => resolveRelay({ flags: flags(...given) })).to.throw(ChatError, why);
      expect(() => resolveRelay({ flags: flags(...given) })).to.throw(/^[^\n]*$/);
    });
  }

  it('refuses a sink that is to relay without an upstream', () => {
    expect(() => resolveSink({ flags: flags(['route', '*=relay']) })).to.throw(ChatError, /there is no upstream/);
  });
});
