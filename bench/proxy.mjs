#!/usr/bin/env node
// The proxy against Node's `a.pipe(b).pipe(a)` and HAProxy in its tcp mode: what passes, what is framed on its way, what
// is recorded, what a connection costs. Rates are those of the wall clock; beside them stands what the proxy's process
// took of the processor, which other programs on the machine disturb less. `node bench/proxy.mjs bulk trips` does only these.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figures, interleaveAll, limit, note, ratio, summary } from './lib.mjs';
import { findProgram, freePort, here, start } from './processes.mjs';
import { bulk, connections, idle, LINE, roundTrips } from './proxy-load.mjs';

const chosen = process.argv.slice(2);
const SETTLE_MS = 200;
const LONEDOT = here('../dist/cli/lonedot.js');
const folder = mkdtempSync(join(tmpdir(), 'lonedot-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const haproxy = findProgram('haproxy');
if (haproxy === null) note("HAProxy is missing here (Debian's package haproxy): its ratios are left out");

const proxies = {
  pipe: (up) => start("Node's pipe", (port) => ['node', here('peers/pipe.mjs'), port, up]),
  haproxy: async (up) => {
    if (haproxy === null) return null;
    const port = await freePort();
    const file = join(folder, `haproxy-${port}.cfg`);
    writeFileSync(file, haproxyConfig(port, up));
    return start('HAProxy', () => [haproxy, '-db', '-f', file], { port, quiet: 'all' });
  },
  quiet: (up) => lonedot('lonedot', up, ['-q']),
  framed: (up) => start('lonedot, framed', (port) => ['node', here('framed-proxy.mjs'), port, up, 'line']),
  // Its stdout is a pipe that nobody reads.
  stalled: (up) => lonedot('lonedot, viewer asleep', up, ['--protocol', 'line'], { stalled: true }),
};

function lonedot(name, up, args, options = {}) {
  const command = (port) => ['node', LONEDOT, 'proxy', `127.0.0.1:${port}`, `127.0.0.1:${up}`, ...args];
  return start(name, command, options);
}

function haproxyConfig(port, up) {
  const connections = 'maxconn 1000';
  const timeouts = ['connect', 'client', 'server'].map((which) => `  timeout ${which} 60s`).join('\n');
  return `global\n  ${connections}\ndefaults\n  mode tcp\n${timeouts}\nlisten bench\n  bind 127.0.0.1:${port}\n  ${connections}\n  server s 127.0.0.1:${up}\n`;
}

/** Starts a backend and the named proxies before it, and gives them to `run`; null ones are missing on this machine. */
async function withProxies(mode, names, run) {
  const backend = await start('the backend', (port) => ['node', here('proxy-backend.mjs'), port, mode]);
  const started = [];
  try {
    for (const name of names) started.push(await proxies[name](backend.port));
    return await run(started, backend.port);
  } finally {
    await Promise.all([backend, ...started].map((one) => one?.stop()));
  }
}

/** What `work` took of the processor in the proxy's process. */
async function measured(one, work) {
  const before = one.cpuSeconds();
  const result = await work();
  return { ...result, cpu: one.cpuSeconds() - before };
}

const bulkRun = (one, count, bytes) => async () => {
  const { seconds, cpu } = await measured(one, async () => ({ seconds: await bulk(one.port, count, bytes) }));
  return { rate: bytes / seconds / 1e6, perCpu: bytes / cpu / 1e6 };
};
const BULK = [
  ['rate', 'MB/s', 0],
  ['perCpu', 'MB a CPU second', 0],
];
const TRIPS = [
  ['rate', 'a second', 0],
  ['p50', 'p50 us', 1],
  ['cpu', 'us of CPU each', 1],
];
const median = (results, name, figure) => results.get(name)[figure].median;
const against = (results, name, other, figure = 'rate') =>
  median(results, name, figure) / median(results, other, figure);

const parts = {
  bulk: async () => {
    for (const count of [1, 10]) {
      const title = `bulk, ${count} connection${count > 1 ? 's' : ''}`;
      const results = await withProxies('discard', ['pipe', 'haproxy', 'quiet'], (all) =>
        interleaveAll(all.map((one) => one && { name: one.name, run: bulkRun(one, count, 600e6) })),
      );
      figures(title, results, BULK);
      ratio(`${title}: lonedot against Node's pipe`, against(results, 'lonedot', "Node's pipe"), 1);
      if (haproxy) ratio(`${title}: lonedot against HAProxy`, against(results, 'lonedot', 'HAProxy'), 0.9);
    }
  },

  framed: async () => {
    const results = await withProxies('discard', ['quiet', 'framed', 'stalled'], (all) =>
      interleaveAll(all.map((one) => ({ name: one.name, run: bulkRun(one, 1, 300e6) }))),
    );
    figures('66-byte lines, framed (1 connection)', results, BULK);
    ratio('framed lines against passing them', against(results, 'lonedot, framed', 'lonedot'), 0.45);
    limit('framed lines', median(results, 'lonedot, framed', 'perCpu'), 400, 'MB a CPU second', 'more');
    ratio('a viewer asleep against nobody', against(results, 'lonedot, viewer asleep', 'lonedot, framed'), 0.9);
  },

  recording: async () => {
    const results = await withProxies('discard', [], (_, up) =>
      interleaveAll([{ name: 'lonedot --record', run: (round) => recorded(up, round) }], { rounds: 5, warmUps: 1 }),
    );
    figures('66-byte lines, recorded as JSONL', results, [
      ['lines', 'million lines/s', 2],
      ['perCpu', 'million a CPU second', 2],
      ['lost', '% left out', 1],
    ]);
    limit('recording', median(results, 'lonedot --record', 'lines'), 0.5, 'million lines/s', 'more');
  },

  trips: async () => {
    for (const [count, trips] of [
      [1, 6_000],
      [100, 20_000],
    ]) {
      const title = `round trips, ${count} connection${count > 1 ? 's' : ''}`;
      const run = (one) => async () => {
        const { rate, p50, cpu } = await measured(one, () => roundTrips(one.port, count, trips));
        return { rate, p50, cpu: (cpu / trips) * 1e6 };
      };
      const results = await withProxies('echo', ['pipe', 'haproxy', 'quiet'], (all, up) =>
        interleaveAll([
          { name: 'direct', run: run({ port: up, cpuSeconds: () => 0 }) },
          ...all.map((one) => one && { name: one.name, run: run(one) }),
        ]),
      );
      figures(title, results, TRIPS);
      ratio(`${title}: lonedot against Node's pipe`, against(results, 'lonedot', "Node's pipe"), 0.95);
      if (count > 1) continue;
      const added = median(results, 'lonedot', 'p50') - median(results, 'direct', 'p50');
      limit('added to the median of a round trip', added, 50, 'us');
    }
  },

  connections: async () => {
    const count = 2_000;
    const run = (one) => async () => {
      const { rate, cpu } = await measured(one, async () => ({ rate: await connections(one.port, 10, count) }));
      return { rate, cpu: (cpu / count) * 1e6 };
    };
    const results = await withProxies('echo', ['pipe', 'haproxy', 'quiet'], (all) =>
      interleaveAll(all.map((one) => one && { name: one.name, run: run(one) })),
    );
    figures('connections: open, a line there and back, close', results, [
      ['rate', 'a second', 0],
      ['cpu', 'us of CPU each', 0],
    ]);
    ratio("connections: lonedot against Node's pipe", against(results, 'lonedot', "Node's pipe"), 0.9);
  },

  idle: async () => {
    const names = { "Node's pipe": 'pipe', lonedot: 'quiet' };
    const results = await withProxies('echo', [], (_, up) =>
      interleaveAll(
        Object.entries(names).map(([name, which]) => ({ name, run: () => idleKilobytes(which, up) })),
        { rounds: 5, warmUps: 0 },
      ),
    );
    figures('an idle connection', results, [['kilobytes', 'kB', 1]]);
    limit('an idle connection', median(results, 'lonedot', 'kilobytes'), 16, 'kB');
  },
};

/** Lines of which each is one event in the file. */
async function recorded(up, round) {
  const file = join(folder, `${round}.jsonl`);
  const one = await lonedot('lonedot', up, ['-q', '--protocol', 'line', '--record', file]);
  const sent = 2_000_000;
  // The first lines are slow: it is what a recording settles to that counts.
  await bulk(one.port, 1, (sent / 2) * LINE.length);
  await settled(file);
  const from = statSync(file).size;
  const begun = performance.now();
  const { cpu } = await measured(one, async () => {
    await bulk(one.port, 1, sent * LINE.length);
    await settled(file);
  });
  const seconds = (performance.now() - begun - SETTLE_MS) / 1000;
  await one.stop();
  const lines = countFrames(file, from);
  rmSync(file);
  return { lines: lines / seconds / 1e6, perCpu: lines / cpu / 1e6, lost: (1 - lines / sent) * 100 };
}

/** In a fresh process: a heap that has grown once has room. */
async function idleKilobytes(which, up) {
  const count = 2_000;
  const one = await proxies[which](up);
  const before = one.rssMb();
  const open = await idle(one.port, count);
  const kilobytes = ((one.rssMb() - before) * 1024) / count;
  open.close();
  await one.stop();
  return { kilobytes };
}

/** The file grows no more. */
async function settled(file) {
  for (let last = -1, since = performance.now(); performance.now() - since < SETTLE_MS; ) {
    const { size } = existsSync(file) ? statSync(file) : { size: 0 };
    if (size !== last) since = performance.now();
    last = size;
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

function countFrames(file, from) {
  const bytes = readFileSync(file).subarray(from);
  let count = 0;
  for (let at = bytes.indexOf('"type":"frame"'); at !== -1; at = bytes.indexOf('"type":"frame"', at + 200)) count++;
  return count;
}

for (const name of chosen.length > 0 ? chosen : Object.keys(parts)) await parts[name]();
summary();
