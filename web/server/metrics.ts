// /metrics for Prometheus: what the mail server counted, what the store holds, how the upstreams do. Everything is read
// when it is asked for; between two questions nothing is kept, and prom-client is loaded by the first one.
import type { Metric, Registry } from 'prom-client';
import type { Histogram } from '../../relay/mail-stats.ts';
import type { Handler, Web } from './context.ts';

type Labels = Readonly<Record<string, string | number>>;
type Value = readonly [labels: Labels, value: number, metricName?: string];

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: readonly Value[];
}

let registry: Promise<Registry> | null = null;

export const metrics: Handler = async (c, web) => {
  registry ??= newRegistry();
  const [process, families] = await Promise.all([registry, familiesOf(web)]);
  const own = await ownRegistry(families);
  const text = `${await own.metrics()}${await process.metrics()}`;
  return c.body(text, 200, { 'Content-Type': own.contentType });
};

/** CPU, memory, event loop and garbage collection of the process. */
async function newRegistry(): Promise<Registry> {
  const { collectDefaultMetrics, Registry: PromRegistry } = await import('prom-client');
  const register = new PromRegistry();
  collectDefaultMetrics({ register });
  return register;
}

async function ownRegistry(families: readonly Family[]): Promise<Registry> {
  const { Registry: PromRegistry } = await import('prom-client');
  const register = new PromRegistry();
  for (const family of families) {
    const values = family.values.map(([labels, value, metricName = family.name]) => ({ labels, value, metricName }));
    // A registry needs no more of a metric than its name and what it is at the moment.
    register.registerMetric({ name: family.name, get: async () => ({ ...family, values }) } as unknown as Metric);
  }
  return register;
}

async function familiesOf({ store, stats, lanes, clock, webhooks }: Web): Promise<Family[]> {
  const counts = await store.counts();
  const oldest = counts.oldestWaiting === null ? 0 : Math.max(0, clock.now() - counts.oldestWaiting) / 1000;
  const states = Object.entries(counts.recipients).map(([state, count]): Value => [{ state }, count]);
  const all = lanes();
  const hooks = webhooks?.() ?? [];
  return [
    one('lonedot_connections_total', 'SMTP connections accepted', 'counter', stats.connections),
    one('lonedot_connections_open', 'SMTP connections open now', 'gauge', stats.openConnections),
    one('lonedot_received_bytes_total', 'Bytes received over SMTP', 'counter', stats.bytesReceived),
    one('lonedot_sent_bytes_total', 'Bytes sent over SMTP', 'counter', stats.bytesSent),
    one('lonedot_messages_accepted_total', 'Messages answered 250', 'counter', stats.accepted),
    one('lonedot_messages_accepted_bytes_total', 'Bytes of these messages', 'counter', stats.acceptedBytes),
    {
      name: 'lonedot_refusals_total',
      help: 'SMTP replies that refused something',
      type: 'counter',
      values: [...stats.refusals].map(([code, count]): Value => [{ code }, count]),
    },
    one('lonedot_messages_stored', 'Messages in the store', 'gauge', counts.messages),
    {
      name: 'lonedot_recipients',
      help: 'Recipients in the store by state; queued, deferred, unknown and held wait',
      type: 'gauge',
      values: states,
    },
    one('lonedot_queue_oldest_seconds', 'Age of the oldest message that waits', 'gauge', oldest),
    {
      name: 'lonedot_attempts_total',
      help: 'Delivery attempts by upstream and outcome, a recipient each',
      type: 'counter',
      values: [...stats.attempts].map(([key, count]): Value => {
        const [upstream = '', outcome = ''] = key.split(' ');
        return [{ upstream, outcome }, count];
      }),
    },
    {
      name: 'lonedot_upstream_paused',
      help: '1 while nothing is sent to an upstream because it failed',
      type: 'gauge',
      values: all.map((lane): Value => [{ upstream: lane.name }, lane.state === 'paused' ? 1 : 0]),
    },
    {
      name: 'lonedot_upstream_alarm',
      help: '1 while an upstream fails for its password, certificate or set-up: somebody has to look',
      type: 'gauge',
      values: all.map((lane): Value => [{ upstream: lane.name }, lane.alarm ? 1 : 0]),
    },
    {
      name: 'lonedot_upstream_deliveries',
      help: 'Deliveries under way',
      type: 'gauge',
      values: all.map((lane): Value => [{ upstream: lane.name }, lane.running]),
    },
    {
      name: 'lonedot_webhook_mails_total',
      help: 'Mails by webhook: taken, or given up',
      type: 'counter',
      values: hooks.flatMap(({ name, delivered, givenUp }, i): Value[] => [
        [{ webhook: `${i} ${name}`, outcome: 'taken' }, delivered],
        [{ webhook: `${i} ${name}`, outcome: 'given-up' }, givenUp],
      ]),
    },
    {
      name: 'lonedot_webhook_failures_total',
      help: 'Requests to webhooks that failed, each of which is tried again or given up',
      type: 'counter',
      values: hooks.map(({ name, failures }, i): Value => [{ webhook: `${i} ${name}` }, failures]),
    },
    histogram('lonedot_commit_seconds', 'How long a commit took, sync included', stats.commits),
    one('lonedot_commit_writes_total', 'Writes that shared these commits', 'counter', stats.committedWrites),
  ];
}

function one(name: string, help: string, type: Family['type'], value: number): Family {
  return { name, help, type, values: [[{}, value]] };
}

function histogram(name: string, help: string, { bounds, counts, sum }: Histogram): Family {
  const values: Value[] = [];
  let total = 0;
  for (const [i, count] of counts.entries()) {
    total += count;
    values.push([{ le: bounds[i] ?? '+Inf' }, total, `${name}_bucket`]);
  }
  return { name, help, type: 'histogram', values: [...values, [{}, sum, `${name}_sum`], [{}, total, `${name}_count`]] };
}
