#!/usr/bin/env node
// The relay, which has each mail on disk before its 250, accepting and delivering at once. Peers: Postfix with its own
// sync; smtp-server with a pool of nodemailer, which keeps nothing. Upstream of each is an smtp-sink that counts.
// Some four minutes; `node bench/relay.mjs [CASE...]` runs only those.
import { figures, interleaveAll, median, note, ratio, summary } from './lib.mjs';
import { countingUpstream, fitted, send } from './mail-load.mjs';
import { forwarder, hasSmtpSource, lonedotRelay, NO_SMTP_SOURCE, postfix } from './mail-peers.mjs';
import { here } from './processes.mjs';
import { exchange, plainMessage } from './smtp-client.mjs';

const NODE_PEER = 'smtp-server + nodemailer';
const BYTES = 4000;
/** Messages of a warm-up: some thousands pass before a program in JavaScript is as quick as it gets. */
const WARM = 1500;
const CASES = {
  10: { title: '4 KB, 10 sessions kept open', load: { sessions: 10, bytes: BYTES, least: 100, most: 6000 } },
  50: { title: '4 KB, 50 sessions kept open', load: { sessions: 50, bytes: BYTES, least: 200, most: 6000 } },
  'new-connections': {
    title: '4 KB, a new connection for each message, 10 at a time',
    load: { sessions: 10, bytes: BYTES, reuse: false, least: 100, most: 4000 },
  },
};
const RATES = [
  ['delivered', 'delivered a second', 0],
  ['accepted', 'accepted a second', 0],
  ['cpu', 'us of CPU a message', 0],
];
const asked = process.argv.slice(2);
const wanted = (name) => asked.length === 0 || asked.includes(name);

/** Starts each contestant with an upstream of its own, runs `use`, and ends them all. */
async function withRelays(open, use) {
  const pairs = [];
  try {
    for (const one of open) {
      const upstream = await countingUpstream();
      pairs.push({ upstream, server: await one({ upstream: upstream.port }) });
    }
    return await use(pairs.filter(({ server }) => server !== null));
  } finally {
    await Promise.all(pairs.flatMap(({ upstream, server }) => [upstream.stop(), server?.stop()]));
  }
}

function contestant({ server, upstream }, load) {
  let messages = WARM;
  return {
    name: server.name,
    run: async () => {
      const before = server.cpuSeconds();
      const begun = performance.now();
      const arrived = upstream.reached(upstream.count + messages).then(() => (performance.now() - begun) / 1000);
      const seconds = await send(server.port, { ...load, messages });
      const record = {
        accepted: messages / seconds,
        delivered: messages / (await arrived),
        cpu: ((server.cpuSeconds() - before) / messages) * 1e6,
      };
      messages = fitted(record.delivered, load);
      return record;
    },
  };
}

async function throughput({ title, load }, open, options = {}) {
  const results = await withRelays(open, (pairs) =>
    interleaveAll(
      pairs.map((one) => contestant(one, load)),
      { rounds: 5, ...options },
    ),
  );
  figures(title, results, RATES);
  return (figure, peer, ours = 'lonedot') =>
    results.has(peer) ? results.get(ours)[figure].median / results.get(peer)[figure].median : null;
}

/** How long a message waits from MAIL to the 250 behind its dot. */
async function waits() {
  const message = plainMessage(BYTES);
  const results = await withRelays([lonedotRelay, postfix], (pairs) =>
    interleaveAll(
      pairs.map(({ server, upstream }) => ({
        name: server.name,
        run: async (round) => {
          const messages = round < 0 ? WARM : 1000;
          const arrived = upstream.reached(upstream.count + messages);
          const { waits: all } = await exchange(server.port, { sessions: 10, messages, message });
          await arrived;
          return { p50: median(all), p99: all[Math.floor(all.length * 0.99)] };
        },
      })),
      { rounds: 5 },
    ),
  );
  figures('MAIL to the 250 behind the dot, 10 sessions kept open (ms)', results, [
    ['p50', 'p50', 2],
    ['p99', 'p99', 2],
  ]);
  if (!results.has('Postfix')) return;
  for (const p of ['p50', 'p99']) {
    const against = results.get('lonedot')[p].median / results.get('Postfix')[p].median;
    ratio(`relay, MAIL to 250, ${p}, against Postfix`, against, 0.6, 'less');
  }
}

/** What group commit is for: fifty sessions must hardly notice that a sync takes ten milliseconds. */
async function slowSync() {
  process.env.LONEDOT_BENCH_SYNC_MS = '10';
  const slow = (options) => lonedotRelay({ ...options, name: 'sync + 10 ms', preload: here('peers/slow-sync.mjs') });
  const load = { ...CASES['50'].load, most: 3000 };
  const against = await throughput({ title: '4 KB, 50 sessions, a sync that takes 10 ms more', load }, [
    lonedotRelay,
    slow,
  ]);
  ratio(
    'relay, 50 sessions, 10 ms sync, accepted, against itself',
    against('accepted', 'lonedot', 'sync + 10 ms'),
    0.5,
  );
}

if (!hasSmtpSource) console.log(NO_SMTP_SOURCE);
else {
  for (const [name, one] of Object.entries(CASES)) {
    if (!wanted(name)) continue;
    const peers = name === '10' ? [lonedotRelay, postfix, forwarder] : [lonedotRelay, postfix];
    const against = await throughput(one, peers);
    const postfixes = against('delivered', 'Postfix');
    if (postfixes !== null) {
      ratio(`relay, ${one.title}, delivered, against Postfix`, postfixes, 3);
      note(`relay, ${one.title}, CPU a message against Postfix: ${against('cpu', 'Postfix').toFixed(2)}x`);
    }
    if (name === '10') {
      ratio(`relay, ${one.title}, delivered, against ${NODE_PEER}`, against('delivered', NODE_PEER), 1.5);
    }
  }
  if (wanted('waits')) await waits();
  if (wanted('slow-sync')) await slowSync();
}
summary();
