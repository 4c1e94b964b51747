#!/usr/bin/env node
// The relay on PostgreSQL, with one node and with two, next to itself on SQLite and to Postfix: all sync each mail before
// its 250, on the same disk. CPU counts the database server's with its nodes'. Some three minutes; nothing is measured
// where PostgreSQL is not installed.
import { figures, interleaveAll, note, ratio, summary } from './lib.mjs';
import { countingUpstream, fitted, send } from './mail-load.mjs';
import { hasSmtpSource, lonedotRelay, NO_SMTP_SOURCE, postfix } from './mail-peers.mjs';
import { postgresServer } from './postgres-server.mjs';

const BYTES = 4000;
const WARM = 1500;
const CASES = [
  { title: '4 KB, 10 sessions kept open', load: { sessions: 10, bytes: BYTES, least: 100, most: 6000 } },
  { title: '4 KB, 50 sessions kept open', load: { sessions: 50, bytes: BYTES, least: 200, most: 6000 } },
];
const RATES = [
  ['delivered', 'delivered a second', 0],
  ['accepted', 'accepted a second', 0],
  ['cpu', 'us of CPU a message', 0],
];

/** Several servers on one upstream that get an equal share of the load each. */
function contestant(name, servers, upstream, load) {
  let messages = WARM;
  const cpu = () => servers.reduce((sum, server) => sum + server.cpuSeconds(), 0);
  const nodes = servers.filter(({ port }) => port !== undefined && !servers.database?.includes(port));
  const part = { ...load, sessions: Math.ceil(load.sessions / nodes.length) };
  return {
    name,
    run: async () => {
      const each = Math.ceil(messages / nodes.length);
      const all = each * nodes.length;
      const before = cpu();
      const begun = performance.now();
      const arrived = upstream.reached(upstream.count + all).then(() => (performance.now() - begun) / 1000);
      const seconds = Math.max(
        ...(await Promise.all(nodes.map(({ port }) => send(port, { ...part, messages: each })))),
      );
      const record = { accepted: all / seconds, delivered: all / (await arrived), cpu: ((cpu() - before) / all) * 1e6 };
      messages = fitted(record.delivered, load);
      return record;
    },
  };
}

/** One contestant with its upstream, its servers and, for PostgreSQL, the server behind its nodes. */
async function open(name, load, make, database = null) {
  const upstream = await countingUpstream();
  const nodes = await make(upstream.port);
  if (nodes === null) {
    await upstream.stop();
    return null;
  }
  const servers = Object.assign([...nodes, ...(database ? [database] : [])], {
    database: database ? [database.port] : [],
  });
  return {
    ...contestant(name, servers, upstream, load),
    stop: () => Promise.all([upstream, ...servers].map((one) => one.stop())),
  };
}

async function onPostgres(count, load) {
  const server = await postgresServer();
  const database = server.newDatabase();
  const make = (upstream) =>
    Promise.all(Array.from({ length: count }, (_, i) => lonedotRelay({ name: `node ${i}`, upstream, database })));
  return open(`PostgreSQL, ${count === 1 ? 'one node' : `${count} nodes`}`, load, make, server);
}

if (!hasSmtpSource) console.log(NO_SMTP_SOURCE);
else {
  const probe = await postgresServer();
  if (probe === null) console.log("skipped: PostgreSQL is missing here (Debian's package postgresql has it)");
  else {
    await probe.stop();
    for (const { title, load } of CASES) {
      const contestants = [
        await onPostgres(1, load),
        await onPostgres(2, load),
        await open('SQLite', load, async (upstream) => [await lonedotRelay({ upstream })]),
        await open('Postfix', load, async (upstream) => {
          const server = await postfix({ upstream });
          return server && [server];
        }),
      ].filter((one) => one !== null);
      try {
        const results = await interleaveAll(contestants, { rounds: 5 });
        figures(title, results, RATES);
        const of = (name, figure) => results.get(name)?.[figure].median;
        const postfixes = of('Postfix', 'delivered');
        if (postfixes)
          ratio(
            `${title}: one node, delivered, against Postfix`,
            of('PostgreSQL, one node', 'delivered') / postfixes,
            1.5,
          );
        note(
          `${title}: two nodes against one, delivered: ${(of('PostgreSQL, 2 nodes', 'delivered') / of('PostgreSQL, one node', 'delivered')).toFixed(2)}x`,
        );
        note(
          `${title}: one node against SQLite, delivered: ${(of('PostgreSQL, one node', 'delivered') / of('SQLite', 'delivered')).toFixed(2)}x`,
        );
      } finally {
        await Promise.all(contestants.map((one) => one.stop()));
      }
    }
  }
}
summary();
