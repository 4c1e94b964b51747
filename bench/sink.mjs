#!/usr/bin/env node
// The sink, which keeps each mail on disk before its 250, against peers that throw mail away. Peers: smtp-server (npm),
// smtp-sink (Postfix), MailHog where there is one. Some two minutes; `node bench/sink.mjs [CASE...]` runs only those.
import { figures, interleaveAll, limit, ratio, summary } from './lib.mjs';
import { fitted, send } from './mail-load.mjs';
import { hasSmtpSource, lonedotSink, mailHog, NO_SMTP_SOURCE, smtpServerSink, smtpSink } from './mail-peers.mjs';
import { dottedMessage, exchange } from './smtp-client.mjs';

const NODE_PEER = 'smtp-server, throws away';
const CASES = {
  '1k-10': { sessions: 10, bytes: 1000, warm: 4000, least: 500, most: 20_000 },
  '1k-100': { sessions: 100, bytes: 1000, warm: 4000, least: 500, most: 20_000 },
  'new-connections': { sessions: 10, bytes: 1000, reuse: false, warm: 2000, least: 200, most: 10_000 },
  '1m': { sessions: 10, bytes: 1_000_000, warm: 60, least: 40, most: 400 },
};
const TITLES = {
  '1k-10': '1 KB, 10 sessions kept open',
  '1k-100': '1 KB, 100 sessions kept open',
  'new-connections': '1 KB, a new connection for each message, 10 at a time',
  '1m': '1 MB, 10 sessions kept open',
};
const RATE = [
  ['rate', 'messages a second', 0],
  ['cpu', 'us of CPU a message', 0],
];

const asked = process.argv.slice(2);
const wanted = (name) => asked.length === 0 || asked.includes(name);

/** After a long warm-up as many messages a round as the contestant takes in a good half second. */
function contestant(server, load) {
  let messages = load.warm;
  return {
    name: server.name,
    run: async (round) => {
      const before = server.cpuSeconds();
      const rate = messages / (await send(server.port, { ...load, messages }));
      const cpu = ((server.cpuSeconds() - before) / messages) * 1e6;
      // Some thousand messages pass before a program in JavaScript is as quick as it gets.
      messages = round === -2 ? Math.max(load.warm, fitted(rate, load)) : fitted(rate, load);
      return { rate, cpu };
    },
  };
}

async function compare(name, open) {
  const load = CASES[name];
  const servers = (await Promise.all(open.map((one) => one()))).filter((one) => one !== null);
  try {
    const results = await interleaveAll(
      servers.map((one) => contestant(one, load)),
      { rounds: 7 },
    );
    figures(TITLES[name], results, RATE);
    return (peer) => (results.has(peer) ? results.get('lonedot').rate.median / results.get(peer).rate.median : null);
  } finally {
    await Promise.all(servers.map((one) => one.stop()));
  }
}

if (!hasSmtpSource) console.log(NO_SMTP_SOURCE);
else {
  for (const name of ['1k-10', '1k-100'].filter(wanted)) {
    const against = await compare(name, [lonedotSink, smtpServerSink, mailHog]);
    ratio(`sink, ${TITLES[name]}, against smtp-server that throws away`, against(NODE_PEER), 1.3);
    if (against('MailHog')) ratio(`sink, ${TITLES[name]}, against MailHog`, against('MailHog'), 1.5);
  }
  if (wanted('new-connections')) {
    const against = await compare('new-connections', [lonedotSink, smtpSink]);
    ratio('sink, new connections, against smtp-sink', against('smtp-sink'), 0.6);
  }
  if (wanted('1m')) {
    const against = await compare('1m', [lonedotSink, smtpServerSink]);
    ratio('sink, 1 MB, against smtp-server that throws away', against(NODE_PEER), 1.5);
  }
}

if (wanted('dots')) {
  const LINES = 250_000;
  const message = dottedMessage(LINES);
  const server = await lonedotSink();
  const results = await interleaveAll([
    {
      name: 'lonedot',
      run: async () => {
        const { seconds } = await exchange(server.port, { sessions: 1, messages: 10, message });
        return { rate: (10 * message.length) / seconds / 1e6 };
      },
    },
  ]);
  await server.stop();
  figures('A body of 250,000 lines that are a stuffed dot', results, [['rate', 'MB a second', 1]]);
  limit('sink, dot-dense body', results.get('lonedot').rate.median, 20, 'MB/s', 'more');
}
summary();
