// A machine that slept wakes up with thousands of claimed mails whose leases are over. Letting go of one asked for the
// next one from within, a call inside the other: with enough of them the stack would end, and with it the process.
import { expect } from 'chai';
import { Queue } from '../../relay/queue/queue.ts';
import { Routes } from '../../relay/queue/routes.ts';
import type { Claim, Store } from '../../relay/store/store.ts';
import type { Delivery } from '../../relay/upstream/courier.ts';
import { FakeClock } from '../../src/clock.ts';
import { NOTICES, RETRY } from '../relay/support/queues.ts';
import { RecordingLog } from '../relay/support/recording-log.ts';
import { turn } from '../support/within.ts';

const MAILS = 4000;

describe('A queue that slept over thousands of leases', () => {
  it('lets go of what it had not begun, and goes on', async () => {
    const clock = new FakeClock();
    const log = new RecordingLog();
    const answers: ((delivery: Delivery) => void)[] = [];
    let claims = 0;
    const store = {
      watch: () => () => {},
      hasten: async () => 0,
      claim: async () => {
        claims++;
        return [];
      },
      nextDue: async () => null,
      renew: () => Promise.reject(new Error('busy')),
      settle: async (results: readonly unknown[]) => results.length,
    } as unknown as Store;
    const courier = {
      name: 'main',
      group: () => '',
      deliver: () => new Promise<Delivery>((resolve) => answers.push(resolve)),
      close: () => {},
      destroy: () => {},
    };
    const queue = new Queue({
      store,
      routes: new Routes({ rules: [], upstreams: ['main'], otherwise: 'relay' }),
      upstreams: [{ courier, concurrency: 1000, rate: null, pause: { min: 1000, max: 2000 } }],
      hostname: 'mx.example',
      retry: RETRY,
      notices: NOTICES,
      log,
      clock,
    });
    for (let i = 0; i < MAILS; i++) queue.use(queue.reserve()!, claimOf(i));
    expect(answers.length).to.equal(1000);
    clock.advance(16_000);
    for (const answer of answers) answer({ outcomes: [{ fate: 'delivered', reply: '250 Ok' }], tls: '', host: 'up' });
    for (let i = 0; i < 10; i++) await turn();
    expect(answers.length, 'nothing more was sent').to.equal(1000);
    expect(queue.lanes()[0]!.running).to.equal(0);
    expect(claims).to.be.greaterThan(0);
    expect(log.of('queue.delivery_broken')).to.deep.equal([]);
    expect(queue.reserve()).to.not.equal(null);
    await queue.stop(0);
  });
});

function claimOf(recipientId: number): Claim {
  const one = { address: 'b@x.example', parameters: [], attempts: 0, state: 'queued' as const, fence: 1 };
  const recipient = { ...one, recipientId, since: 0, delayNotified: false, order: null };
  const envelope = { sender: 'a@x.example', parameters: [], traits: [], size: 1, content: Buffer.from('x') };
  return { id: `M${recipientId}`, receivedAt: 0, ...envelope, recipients: [recipient] };
}
