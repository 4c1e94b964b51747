#!/usr/bin/env node
// What stands behind the proxies that are measured: `proxy-backend.mjs PORT echo|discard`.
//   echo: sends back what comes
//   discard: takes as many bytes as the first 16 say, and then says `k`
import net from 'node:net';

const [port, mode] = [Number(process.argv[2]), process.argv[3]];
/** The length of the number that stands before the bytes. */
const HEAD = 16;

function echo(socket) {
  socket.on('data', (chunk) => socket.write(chunk));
  socket.on('end', () => socket.end());
  socket.on('error', () => {});
}

/** All connections read into one buffer, so that reading costs next to nothing: it is not what is measured. */
const scratch = Buffer.allocUnsafeSlow(256 * 1024);
function discard({ _handle: handle }) {
  let head = '';
  let left = 0;
  const take = (length) => {
    let from = 0;
    if (head.length < HEAD) {
      from = Math.min(length, HEAD - head.length);
      head += scratch.latin1Slice(0, from);
      if (head.length < HEAD) return true;
      left = Number(head);
    }
    left -= length - from;
    if (left <= 0) socket.end('k');
    return true;
  };
  // Node gives servers no public way to read into a buffer of theirs.
  const socket = new net.Socket({ handle, allowHalfOpen: true, onread: { buffer: scratch, callback: take } });
  socket.on('error', () => {});
  socket.resume();
}

const serve = { echo, discard }[mode];
if (!serve || !port) {
  console.error('usage: proxy-backend.mjs PORT echo|discard');
  process.exit(2);
}
net
  .createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: mode === 'discard' }, serve)
  .listen({ port, host: '127.0.0.1', backlog: 1024 });
