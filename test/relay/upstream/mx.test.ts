// Direct delivery over real sockets: the hosts of a domain are 127.0.0.1 to 127.0.0.n here, all on one port.
import { expect } from 'chai';
import { openCourier } from '../../../relay/upstream/couriers.ts';
import { MxCourier } from '../../../relay/upstream/mx.ts';
import type { MxResolver } from '../../../relay/upstream/mx-lookup.ts';
import { parseUpstream } from '../../../relay/upstream/upstream.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { type Act, type Step, Upstream } from '../support/upstream.ts';
import { deliverBy, fatesOf, outgoing, WAITS } from '../support/way-out.ts';

describe('delivery by MX', () => {
  let hosts: Upstream[] = [];
  let courier: MxCourier;
  let records: { exchange: string; priority: number }[] = [];

  /** Hosts a.example, b.example ... with one answer each, in this order of preference. */
  async function start(...answers: ((step: Step) => Act)[]): Promise<void> {
    hosts = [];
    for (const [i, answer] of answers.entries()) {
      const port = i === 0 ? 0 : hosts[0]!.port;
      hosts.push(await Upstream.start({ answer, host: `127.0.0.${i + 1}` }, port));
    }
    records = answers.map((_, i) => ({ exchange: `${'abc'[i]}.example`, priority: i }));
    const resolver: MxResolver = {
      resolveMx: async () => records,
      resolve4: async (name) => [`127.0.0.${'abc'.indexOf(name[0]!) + 1}`],
      resolve6: async () => [],
    };
    const upstream = parseUpstream(`mx:?port=${hosts[0]!.port}&tls=none`);
    courier = new MxCourier(upstream, { hostname: 'mx.example', log: new RecordingLog(), waits: WAITS }, { resolver });
  }

  afterEach(async () => {
    courier.destroy();
    for (const host of hosts) await host.stop();
  });

  const friendly = (): Act => undefined;
  const says =
    (phase: Step['phase'], act: Act) =>
    (step: Step): Act =>
      step.phase === phase ? act : undefined;

  it('goes to the best host and tells which it was', async () => {
    await start(friendly, friendly);
    const { host, outcomes } = await deliverBy(courier, outgoing());
    expect([host, outcomes[0]!.fate]).to.deep.equal(['a.example', 'delivered']);
    expect(hosts.map(({ mails }) => mails.length)).to.deep.equal([1, 0]);
  });

  const MOVES_ON: readonly [title: string, answer: (step: Step) => Act][] = [
    ['hangs up', says('connect', 'drop')],
    ['greets with 421', says('connect', { last: '421 4.3.2 busy' })],
    ['greets with 554', says('connect', { last: '554 5.7.1 no' })],
    ['says 421 to MAIL', says('mail', { last: '421 4.3.2 busy' })],
    ['hangs up at DATA', says('data', 'reset')],
    ['says 421 to the dot', says('dot', { last: '421 4.3.2 busy' })],
  ];
  for (const [title, answer] of MOVES_ON) {
    it(`R6 tries the next host when one ${title}`, async () => {
      await start(answer, answer, friendly);
      const { host, outcomes } = await deliverBy(courier, outgoing());
      expect([host, outcomes[0]!.fate]).to.deep.equal(['c.example', 'delivered']);
      expect(hosts.map(({ accepted }) => accepted.length)).to.deep.equal([0, 0, 1]);
    });
  }

  const STAYS: readonly [title: string, answer: (step: Step) => Act, fate: string][] = [
    ['refuses the recipient', says('rcpt', '550 5.1.1 nobody'), 'failed'],
    ['greylists', says('rcpt', '450 4.7.1 later'), 'deferred'],
    ['refuses the mail', says('dot', '554 5.7.1 spam'), 'failed'],
    ['hangs up behind the dot', says('dot', 'drop'), 'unknown'],
  ];
  for (const [title, answer, fate] of STAYS) {
    it(`stays with the host that ${title}`, async () => {
      await start(answer, friendly);
      expect(await fatesOf(deliverBy(courier, outgoing()))).to.equal(fate);
      expect(hosts[1]!.connections).to.equal(0);
    });
  }

  it('is unreachable when all of them are, which is nobody’s alarm', async () => {
    await start(says('connect', 'drop'), says('connect', { last: '421 4.3.2 busy' }));
    const error = (await deliverBy(courier, outgoing()).catch((reason) => reason)) as Error;
    expect(error).to.include({ name: 'Unreachable', blame: 'host', message: 'b.example [127.0.0.2]: 421 4.3.2 busy' });
  });

  it('uses connections again, each host its own', async () => {
    await start(friendly);
    for (const address of ['b@x.example', 'c@x.example', 'd@y.example']) {
      await deliverBy(courier, outgoing({ recipients: [address] }));
    }
    expect(hosts[0]!.connections).to.equal(1);
    courier.close();
    await hosts[0]!.left();
    expect(hosts[0]!.verbs().at(-1)).to.equal('QUIT');
  });

  it('groups recipients by domain', async () => {
    await start(friendly);
    const group = (address: string): string => courier.group({ address, parameters: [] });
    expect(['b@X.example', '"a@b"@x.Example', 'postmaster'].map(group)).to.deep.equal(['x.example', 'x.example', '']);
    expect(await fatesOf(deliverBy(courier, outgoing({ recipients: ['postmaster'] })))).to.equal('failed');
  });

  it('has an answer without a host for what DNS decides, and never sends REQUIRETLS this way', async () => {
    await start(friendly);
    records = [{ exchange: '', priority: 0 }];
    const two = outgoing({ recipients: ['b@x.example', 'c@x.example'] });
    const nulled = await deliverBy(courier, two);
    expect(nulled.outcomes.map(({ status }) => status)).to.deep.equal(['5.1.10', '5.1.10']);
    const demanded = await deliverBy(courier, { ...two, parameters: [['REQUIRETLS', '']] });
    expect(demanded.outcomes.map(({ status }) => status)).to.deep.equal(['5.7.30', '5.7.30']);
    expect(hosts[0]!.connections).to.equal(0);
  });

  it('reaches an address that stands in the place of a domain', async () => {
    await start(friendly);
    const { host, outcomes } = await deliverBy(courier, outgoing({ recipients: ['b@[127.0.0.1]'] }));
    expect([host, outcomes[0]!.fate]).to.deep.equal(['127.0.0.1', 'delivered']);
  });

  it('is what an upstream mx: opens', () => {
    const settings = { hostname: 'mx.example', log: new RecordingLog() };
    expect(openCourier(parseUpstream('mx:?name=direct'), settings))
      .to.be.instanceOf(MxCourier)
      .and.include({ name: 'direct' });
  });
});
