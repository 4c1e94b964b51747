import { expect } from 'chai';
import { MailStats } from '../../relay/mail-stats.ts';
import { FakeClock } from '../../src/clock.ts';
import { appOver, put, storeWith, temporaryStore } from './support.ts';

describe('/metrics', () => {
  const store = temporaryStore();

  it('tells what was counted, what is stored, and how the upstreams do, in the Prometheus text format', async () => {
    const stats = new MailStats();
    stats.connectionOpened();
    stats.messageAccepted(1234);
    stats.refused(550);
    stats.refused(550);
    stats.attempted('smtp://a:25', 'deferred');
    stats.committed(3, 7);
    const at = Date.now() - 90_000;
    await put(store.current, { route: 'relay', receivedAt: at });
    const lane = { name: 'smtp://a:25', state: 'paused', until: 1, why: 'refused', alarm: true, running: 0 } as const;
    const answer = await appOver(store.current, { stats, lanes: [lane] }).request('/metrics');
    expect(answer.status).to.equal(200);
    expect(answer.headers.get('content-type')).to.match(/^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    for (const line of [
      '# TYPE lonedot_connections_total counter',
      'lonedot_connections_total 1',
      'lonedot_connections_open 1',
      'lonedot_messages_accepted_total 1',
      'lonedot_messages_accepted_bytes_total 1234',
      'lonedot_refusals_total{code="550"} 2',
      'lonedot_recipients{state="queued"} 1',
      'lonedot_attempts_total{upstream="smtp://a:25",outcome="deferred"} 1',
      'lonedot_upstream_paused{upstream="smtp://a:25"} 1',
      'lonedot_upstream_alarm{upstream="smtp://a:25"} 1',
      'lonedot_commit_seconds_bucket{le="0.0025"} 0',
      'lonedot_commit_seconds_bucket{le="0.005"} 1',
      'lonedot_commit_seconds_bucket{le="+Inf"} 1',
      'lonedot_commit_seconds_sum 0.003',
      'lonedot_commit_seconds_count 1',
      'lonedot_commit_writes_total 7',
    ]) {
      expect(text.split('\n'), line).to.include(line);
    }
    expect(Number(/^lonedot_queue_oldest_seconds (\S+)$/m.exec(text)?.[1])).to.be.within(89, 150);
    expect(text).to.match(/^process_cpu_seconds_total \d/m);
  });

  it('is asked for as often as one likes', async () => {
    const app = appOver(store.current);
    await app.request('/metrics');
    const answer = await app.request('/metrics');
    expect((await answer.text()).match(/^lonedot_connections_total /gm)).to.have.length(1);
  });
});

describe('/readyz', () => {
  const now = Date.UTC(2026, 10, 22);
  const check = () => Promise.resolve();

  for (const [age, limit, status] of [
    [10_000, 0, 200],
    [10_000, 20_000, 200],
    [30_000, 20_000, 503],
  ] as const) {
    it(`answers ${status} when the oldest mail waits for ${age} ms and may wait ${limit || 'for ever'}`, async () => {
      const counts = () => Promise.resolve({ messages: 1, recipients: {}, oldestWaiting: now - age });
      const app = appOver(storeWith({ check, counts }), { clock: new FakeClock(now), readyQueueAge: limit });
      expect((await app.request('/readyz')).status).to.equal(status);
    });
  }
});
