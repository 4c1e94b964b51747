#!/usr/bin/env node
// The sink with everything on (parsed, indexed, live events) next to other development sinks, and with a hundred thousand
// mails in it. `node bench/inbox.mjs [start] [intake] [many] [page]`, some five minutes; needs smtp-source. maildev is
// measured where MAILDEV names its bin/maildev, MailHog where it is in the PATH; the page needs Chromium.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import WebSocket from 'ws';
import { figures, interleave, interleaveAll, limit, median, note, ratio, summary, table } from './lib.mjs';
import { fitted, send } from './mail-load.mjs';
import { hasSmtpSource, mailHog, NO_SMTP_SOURCE, newFolder } from './mail-peers.mjs';
import { answers, freePort, here, start } from './processes.mjs';
import { openSession } from './smtp-client.mjs';

const LONEDOT = here('../dist/cli/lonedot.js');
const CHROMIUM = '/usr/bin/chromium';
const STORED = 100_000;
const ASKED = 200;
const asked = process.argv.slice(2);
const wanted = (name) => asked.length === 0 || asked.includes(name);
const maildev = process.env.MAILDEV ?? null;
if (maildev === null) note('maildev is left out: MAILDEV does not name its bin/maildev (npm install maildev)');

const sinkCommand = (smtp, web, ...args) => [
  ...['node', LONEDOT, 'sink', '-s', `127.0.0.1:${smtp}`, '-l', `127.0.0.1:${web}`, '-q'],
  ...args,
];
const maildevCommand = (smtp, web) => ['node', maildev, '-s', smtp, '-w', web, '--ip', '127.0.0.1', '--silent'];

/** A sink and where its pages are. */
async function startSink(name, command) {
  const web = await freePort();
  const server = await start(name, (smtp) => command(smtp, web), { quiet: 'all' });
  // Mail is taken before the pages are there.
  for (const until = performance.now() + 20_000; !(await answers(web)); ) {
    if (performance.now() > until) throw new Error(`${name} has no pages`);
    await new Promise((resume) => setTimeout(resume, 10));
  }
  return Object.assign(server, { web });
}

const lonedot = (...args) => startSink('lonedot', (smtp, web) => sinkCommand(smtp, web, ...args));

/** Milliseconds from the start of the process to the SMTP banner. */
async function toBanner(command) {
  const port = await freePort();
  const begun = performance.now();
  const server = await start('starting', () => command(port), { port, quiet: 'all' });
  (await openSession(port)).end();
  const ms = performance.now() - begun;
  await server.stop();
  return ms;
}

async function startUp() {
  const peers = [
    {
      name: 'lonedot',
      run: async () =>
        toBanner(
          (
            (web) => (smtp) =>
              sinkCommand(smtp, web)
          )(await freePort()),
        ),
    },
    maildev && {
      name: 'maildev',
      run: async () =>
        toBanner(
          (
            (web) => (smtp) =>
              maildevCommand(smtp, web)
          )(await freePort()),
        ),
    },
  ].filter(Boolean);
  const results = await interleave(peers, { rounds: 7 });
  table('spawn to the answer to EHLO', results, 'ms');
  if (maildev) {
    ratio('maildev against lonedot', results.get('maildev').median / results.get('lonedot').median, 4);
  }
  const server = await lonedot();
  const empty = await start('empty', (port) => ['node', here('peers/empty.mjs'), port]);
  await new Promise((resume) => setTimeout(resume, 3000));
  ratio('idle memory against an empty net server', server.rssMb() / empty.rssMb(), 1.6, 'less');
  await Promise.all([server.stop(), empty.stop()]);
}

async function intake(bytes, target) {
  const servers = [
    await lonedot('-d', join(newFolder(), 'inbox.db')),
    maildev && (await startSink('maildev', maildevCommand)),
    await mailHog(),
  ].filter(Boolean);
  // Somebody looks: live events go out.
  const live = new WebSocket(`ws://127.0.0.1:${servers[0].web}/api/events`);
  live.on('error', () => {});
  try {
    const results = await interleaveAll(
      servers.map((server) => {
        const load = { sessions: 10, bytes, least: 50, most: 4000 };
        let messages = load.least;
        return {
          name: server.name,
          run: async () => {
            const before = server.cpuSeconds();
            const rate = messages / (await send(server.port, { ...load, messages }));
            const cpu = ((server.cpuSeconds() - before) / messages) * 1e6;
            messages = fitted(rate, load);
            return { rate, cpu };
          },
        };
      }),
    );
    figures(`${bytes} bytes, 10 sessions kept open, everything on`, results, [
      ['rate', 'accepted a second', 0],
      ['cpu', 'us of CPU a message', 0],
    ]);
    for (const [peer, least] of Object.entries(target)) {
      const other = results.get(peer);
      if (other)
        ratio(
          `intake of ${bytes} bytes against ${peer}`,
          results.get('lonedot').rate.median / other.rate.median,
          least,
        );
    }
  } finally {
    live.terminate();
    await Promise.all(servers.map((one) => one.stop()));
  }
}

/** The 95th percentile of what an address takes to answer, in milliseconds. */
async function p95(base, paths) {
  const waits = [];
  for (let i = 0; i < ASKED; i++) {
    const begun = performance.now();
    const response = await fetch(base + paths[i % paths.length]);
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`${paths[i % paths.length]}: ${response.status}`);
    waits.push(performance.now() - begun);
  }
  return waits.sort((a, b) => a - b)[Math.floor(ASKED * 0.95)];
}

async function many() {
  const database = join(newFolder(), 'inbox.db');
  const { status } = spawnSync('node', [here('fill-inbox.mjs'), database, STORED], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the inbox could not be filled');
  const server = await lonedot('-d', database, '-m', '0');
  const base = `http://127.0.0.1:${server.web}`;
  const begun = performance.now();
  for (;;) {
    const { messages } = await (await fetch(`${base}/api/v1/search?query=zanzibar&limit=1000`)).json();
    if (messages.length === STORED / 1000) break;
    if (performance.now() - begun > 600_000) throw new Error('the mails were not indexed');
    await new Promise((resume) => setTimeout(resume, 500));
  }
  note(`${STORED} stored mails indexed in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  const pages = Array.from({ length: 20 }, (_, i) => `/api/v1/messages?start=${i * 4999}&limit=50`);
  limit('list page, p95', await p95(base, pages), 20, 'ms');
  const words = ['zanzibar', 'copper', 'subject:museum', 'from:user17@', 'harvest+violet'];
  limit(
    'search by word, p95',
    await p95(
      base,
      words.map((word) => `/api/v1/search?query=${word}&limit=50`),
    ),
    20,
    'ms',
  );
  limit('latest, p95', await p95(base, ['/api/v1/message/latest']), 20, 'ms');
  note(`memory with ${STORED} mails: ${server.rssMb().toFixed(0)} MB`);
  if (wanted('page')) await page(server, base);
  await server.stop();
}

async function page(server, base) {
  if (!existsSync(CHROMIUM)) return note("the page is left out: there is no Chromium (Debian's package chromium)");
  const { chromium } = await import('playwright-core');
  const flags = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...flags, '--disable-component-update', '--disable-sync'],
  });
  try {
    const opened = [];
    for (let i = 0; i < 6; i++) {
      const context = await browser.newContext();
      const tab = await context.newPage();
      const begun = performance.now();
      await tab.goto(`${base}/`, { waitUntil: 'commit' });
      await tab.waitForSelector('[role=option][data-id]');
      await tab.keyboard.press('j');
      await tab.waitForSelector('[role=option].active');
      if (i > 0) opened.push(performance.now() - begun);
      await context.close();
    }
    limit('page interactive, the first key answered', median(opened), 1000, 'ms');
    const tab = await browser.newPage();
    await tab.goto(`${base}/`);
    await tab.waitForSelector('[role=option][data-id]');
    const arrivals = [];
    const session = await openSession(server.port);
    for (let i = 0; i < 9; i++) {
      const subject = `arrival ${i}`;
      const shown = tab.waitForFunction(
        (text) => document.querySelector('[role=option]')?.textContent.includes(text),
        subject,
        { polling: 'raf' },
      );
      await session.ask(Buffer.from('MAIL FROM:<a@bench.test>\r\n'), 250);
      await session.ask(Buffer.from('RCPT TO:<b@bench.test>\r\n'), 250);
      await session.ask(Buffer.from('DATA\r\n'), 354);
      const begun = performance.now();
      await session.ask(Buffer.from(`From: <a@bench.test>\r\nSubject: ${subject}\r\n\r\nx\r\n.\r\n`), 250);
      await shown;
      arrivals.push(performance.now() - begun);
      await new Promise((resume) => setTimeout(resume, 200));
    }
    session.end();
    limit('from the dot to the row in the open page, median', median(arrivals), 150, 'ms');
  } finally {
    await browser.close();
  }
}

if (wanted('start')) await startUp();
if (wanted('intake')) {
  if (!hasSmtpSource) console.log(NO_SMTP_SOURCE);
  else {
    await intake(1000, { MailHog: 1.2, maildev: 5 });
    await intake(20_000, { MailHog: 5 });
  }
}
if (wanted('many')) await many();
summary();
