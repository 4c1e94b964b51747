#!/usr/bin/env node
// Lines over one loopback socket, client here and server in a process of its own. Peers: split2 and readline (Node),
// CPython's asynchat where a Python has it. `--gigabytes N` sets the length of the memory run (default 2).
import net from 'node:net';
import { performance } from 'node:perf_hooks';
import { interleave, note, ratio, summary, table } from './lib.mjs';
import { here, pythonWithAsynchat, start } from './processes.mjs';

const LINE = Buffer.from(`${'x'.repeat(38)}\r\n`);
const BIG = Buffer.alloc(40 * 1638, LINE);
const python = await pythonWithAsynchat();
if (!python) note('no Python with asynchat (3.11 or older) here: that ratio is left out');

const contestant = (name, mode) => {
  if (name === 'lonedot') return (port) => ['node', here('line-server.mjs'), port, mode];
  if (name === 'asynchat') return (port) => [python, '-W', 'ignore', here('peers/asynchat_lines.py'), port, mode];
  return (port) => ['node', here('peers/lines.mjs'), port, mode, name];
};

/** Sends `count` lines and the lone dot; resolves with the seconds until the count came back. */
function countLines(port, count, chunk = BIG) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    let left = count * LINE.length;
    let answer = '';
    const begun = performance.now();
    const send = () => {
      while (left > 0) {
        const piece = left >= chunk.length ? chunk : chunk.subarray(0, left);
        left -= piece.length;
        if (!socket.write(piece)) return;
      }
      if (left === 0) {
        left = -1;
        socket.write('.\r\n');
      }
    };
    socket.once('connect', send).on('drain', send).on('error', reject);
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      if (!answer.endsWith('\r\n')) return;
      socket.destroy();
      if (Number(answer) !== count) reject(new Error(`counted ${answer.trim()} of ${count}`));
      else resolve((performance.now() - begun) / 1000);
    });
  });
}

/** Keeps `window` lines in flight until `count` came back. */
function echoLines(port, count, window) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    const total = count * LINE.length;
    const block = Buffer.alloc(window * LINE.length, LINE);
    let sent = 0;
    let got = 0;
    const begun = performance.now();
    const send = () => {
      const room = Math.min(total - sent, got + block.length - sent);
      const whole = room - (room % LINE.length);
      if (whole > 0) socket.write(block.subarray(0, whole));
      sent += whole;
    };
    socket.once('connect', send).on('error', reject);
    socket.on('data', (data) => {
      got += data.length;
      if (got < total) return send();
      socket.destroy();
      resolve((performance.now() - begun) / 1000);
    });
  });
}

/**
 * One byte a write, each in a segment of its own: the wake-up is the cost, so what counts is the server's CPU time.
 * Resolves with microseconds of it a byte (the system counts in ticks of 10 ms).
 */
async function dribble({ port, cpuSeconds }, lines) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resume) => socket.once('connect', resume));
  const bytes = [...LINE].map((byte) => Buffer.from([byte]));
  const answer = new Promise((resolve) => socket.once('data', resolve));
  const before = cpuSeconds();
  for (let i = 0; i < lines; i++) {
    for (const byte of bytes) {
      socket.write(byte);
      await new Promise((resume) => setImmediate(resume));
      for (const until = performance.now() + 0.015; performance.now() < until; );
    }
  }
  socket.write('.\r\n');
  await answer;
  socket.destroy();
  return ((cpuSeconds() - before) * 1e6) / (lines * LINE.length);
}

async function compare(mode, names, run, options) {
  const servers = [];
  try {
    for (const name of names) servers.push(await start(name, contestant(name, mode)));
    return await interleave(
      servers.map((one) => ({ name: one.name, run: () => run(one) })),
      options,
    );
  } finally {
    await Promise.all(servers.map((one) => one.stop()));
  }
}

const peers = python ? ['lonedot', 'split2', 'asynchat'] : ['lonedot', 'split2'];
const counts = { lonedot: 4_000_000, split2: 1_000_000, readline: 1_000_000, asynchat: 200_000 };
const lines = await compare(
  'lines',
  peers,
  async ({ name, port }) => counts[name] / (await countLines(port, counts[name])) / 1e6,
);
table('40-byte lines counted', lines, 'million lines a second', 2);
ratio('lines against split2', lines.get('lonedot').median / lines.get('split2').median, 1.5);
if (python) ratio('lines against CPython asynchat', lines.get('lonedot').median / lines.get('asynchat').median, 8);

const echoes = { lonedot: 1_000_000, readline: 100_000 };
const echo = await compare(
  'echo',
  ['lonedot', 'readline'],
  async ({ name, port }) => echoes[name] / (await echoLines(port, echoes[name], 500)) / 1e6,
);
table('echo, 500 lines in flight', echo, 'million lines a second', 3);
ratio('echo with 500 lines in flight against readline', echo.get('lonedot').median / echo.get('readline').median, 8);

const drops = await compare('lines', ['lonedot', 'split2'], (server) => dribble(server, 1000), { rounds: 9 });
table('one byte a write', drops, 'us of CPU a byte', 2);
ratio('1-byte chunks: CPU against split2', drops.get('lonedot').median / drops.get('split2').median, 1, 'less');

const at = process.argv.indexOf('--gigabytes');
const gigabytes = at > 0 ? Number(process.argv[at + 1]) : 2;
const server = await start('lonedot', contestant('lonedot', 'lines'));
// The heap first grows to its working size: flat means that nothing is added from there on.
await countLines(server.port, 25_000_000);
const before = server.rssMb();
await countLines(server.port, (gigabytes * 1e9) / LINE.length);
note(`memory over ${gigabytes} GB of lines: ${before.toFixed(1)} MB before, ${server.rssMb().toFixed(1)} MB after`);
ratio('memory after against before', server.rssMb() / before, 1.15, 'less');
await server.stop();
summary();
