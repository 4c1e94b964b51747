#!/usr/bin/env node
// What much of something costs: thousands of idle sessions, a hundred thousand queued messages. `node bench/scale.mjs
// [sessions] [queue]`, about two minutes; the second half needs smtp-source and some 600 MB of disk.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { figures, interleaveAll, limit, median, note, ratio, summary } from './lib.mjs';
import { countingUpstream, fitted, send } from './mail-load.mjs';
import { hasSmtpSource, lonedotRelay, lonedotSink, NO_SMTP_SOURCE, newFolder } from './mail-peers.mjs';
import { freePort, here } from './processes.mjs';
import { openSession } from './smtp-client.mjs';

const SESSIONS = 5000;
const QUEUED = 100_000;
const BYTES = 4000;
const asked = process.argv.slice(2);
const wanted = (name) => asked.length === 0 || asked.includes(name);
const settle = () => new Promise((resume) => setTimeout(resume, 3000));

/** Memory of sessions that have said EHLO and wait, as the system counts it. */
async function idleSessions() {
  const unlimited = ['--max-connections', '0', '--max-connections-per-address', '0'];
  const server = await lonedotSink({ args: unlimited });
  try {
    // The first ones bring the code and the heap to their working size.
    for (let i = 0; i < 200; i++) (await openSession(server.port)).end();
    await settle();
    const before = server.rssMb();
    const open = [];
    while (open.length < SESSIONS) {
      open.push(...(await Promise.all(Array.from({ length: 50 }, () => openSession(server.port)))));
    }
    await settle();
    const kilobytes = ((server.rssMb() - before) * 1024) / SESSIONS;
    limit(`${SESSIONS} idle sessions: memory of each`, kilobytes, 25, 'kB');
    for (const one of open) one.end();
  } finally {
    await server.stop();
  }
}

/** From the start of the process to its answer to EHLO, which comes when the queue is open; and its memory then. */
async function startWith(database, upstream) {
  const port = await freePort();
  const begun = performance.now();
  const relay = await lonedotRelay({ upstream, database, port });
  (await openSession(port)).end();
  const seconds = (performance.now() - begun) / 1000;
  await settle();
  const figure = { seconds, memory: relay.rssMb() };
  await relay.stop();
  return figure;
}

async function longQueue() {
  const database = join(newFolder(), 'queue.db');
  const { status } = spawnSync('node', [here('fill-queue.mjs'), database, QUEUED, BYTES], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the queue could not be filled');
  note(
    `a queue of ${QUEUED} deferred messages of ${BYTES} bytes: a file of ${(statSync(database).size / 1e6).toFixed(0)} MB`,
  );
  const upstreams = [await countingUpstream(), await countingUpstream()];
  const starts = [];
  for (let i = 0; i < 5; i++) starts.push(await startWith(database, upstreams[0].port));
  limit('start with it, to the answer to EHLO', median(starts.map(({ seconds }) => seconds)), 2, 's');
  limit('memory after the start', median(starts.map(({ memory }) => memory)), 200, 'MB');

  const relays = [
    await lonedotRelay({ name: 'long queue', upstream: upstreams[0].port, database }),
    await lonedotRelay({ name: 'empty queue', upstream: upstreams[1].port }),
  ];
  try {
    const results = await interleaveAll(
      relays.map((relay, i) => loaded(relay, upstreams[i])),
      { rounds: 7 },
    );
    figures('4 KB, 10 sessions kept open, accepted and delivered', results, [
      ['accepted', 'accepted a second', 0],
      ['cpu', 'us of CPU a message', 0],
    ]);
    const against = results.get('long queue').accepted.median / results.get('empty queue').accepted.median;
    ratio('accepted with the long queue, against an empty one', against, 0.8);
    limit('memory with the long queue, under load', relays[0].rssMb(), 200, 'MB');
  } finally {
    await Promise.all([...relays, ...upstreams].map((one) => one.stop()));
  }
}

function loaded(relay, upstream) {
  const load = { sessions: 10, bytes: BYTES, least: 200, most: 4000 };
  let messages = load.least;
  return {
    name: relay.name,
    run: async () => {
      const before = relay.cpuSeconds();
      const arrived = upstream.reached(upstream.count + messages);
      const accepted = messages / (await send(relay.port, { ...load, messages }));
      await arrived;
      const cpu = ((relay.cpuSeconds() - before) / messages) * 1e6;
      messages = fitted(accepted, load);
      return { accepted, cpu };
    },
  };
}

if (wanted('sessions')) await idleSessions();
if (wanted('queue')) {
  if (hasSmtpSource) await longQueue();
  else console.log(NO_SMTP_SOURCE);
}
summary();
