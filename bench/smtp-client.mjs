// An SMTP client for measuring: sessions that stay open and send one message after the other, and how long each waited
// from MAIL to the 250 behind the dot. Prepared bytes and no parser, so that it costs the machine little.
import net from 'node:net';
import { performance } from 'node:perf_hooks';

const MAIL = Buffer.from('MAIL FROM:<a@bench.test>\r\n');
const RCPT = Buffer.from('RCPT TO:<b@bench.test>\r\n');
const DATA = Buffer.from('DATA\r\n');
const EHLO = Buffer.from('EHLO bench.test\r\n');
const HEADER = 'From: <a@bench.test>\r\nTo: <b@bench.test>\r\nSubject: bench\r\n\r\n';

/** A message of about so many bytes in lines of 78 characters, ready to be sent behind DATA. */
export function plainMessage(bytes) {
  const line = `${'x'.repeat(76)}\r\n`;
  return Buffer.from(`${HEADER}${line.repeat(Math.ceil(bytes / line.length))}.\r\n`, 'latin1');
}

/** A message of lines that are a dot, each stuffed with another: the most that a receiver can have to do. */
export const dottedMessage = (lines) => Buffer.from(`${HEADER}${'..\r\n'.repeat(lines)}.\r\n`, 'latin1');

/** Sends all; resolves with the seconds it took and each message's wait in milliseconds. */
export async function exchange(port, { sessions, messages, message }) {
  const waits = [];
  let left = messages;
  const begun = performance.now();
  const one = async () => {
    const session = await openSession(port);
    while (left-- > 0) {
      const asked = performance.now();
      await session.ask(MAIL, 250);
      await session.ask(RCPT, 250);
      await session.ask(DATA, 354);
      await session.ask(message, 250);
      waits.push(performance.now() - asked);
    }
    session.end();
  };
  await Promise.all(Array.from({ length: sessions }, one));
  return { seconds: (performance.now() - begun) / 1000, waits: waits.sort((a, b) => a - b) };
}

/** A session behind its EHLO. `ask(bytes, code)` resolves when that reply is complete, and rejects at any other. */
export async function openSession(port) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  let text = '';
  let waiting = null;
  const settle = () => {
    if (waiting === null || !/^\d{3} [^\n]*\n$/m.test(text)) return;
    const { code, resolve, reject } = waiting;
    const reply = text;
    waiting = null;
    text = '';
    if (reply.startsWith(code)) resolve();
    else reject(new Error(`${code} was expected, not ${reply.trim()}`));
  };
  socket.on('data', (data) => {
    text += data.latin1Slice();
    settle();
  });
  socket.on('error', (error) => waiting?.reject(error));
  socket.on('close', () => waiting?.reject(new Error(`closed, after: ${text.trim()}`)));
  const reply = (code) =>
    new Promise((resolve, reject) => {
      waiting = { code: String(code), resolve, reject };
      settle();
    });
  const ask = (bytes, code) => {
    socket.write(bytes);
    return reply(code);
  };
  await reply(220);
  await ask(EHLO, 250);
  return { ask, end: () => socket.destroy() };
}
