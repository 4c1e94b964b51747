// The load on a proxy, from the client's side: bulk, round trips, connections, idle ones. What stands behind the proxy is
// proxy-backend.mjs, in a process of its own, so that neither of the two is what limits the proxy.
import net from 'node:net';
import { performance } from 'node:perf_hooks';
import { median } from './lib.mjs';

export const LINE = Buffer.from(`${'x'.repeat(64)}\r\n`);
const BLOCK = Buffer.alloc(LINE.length * 4096, LINE);
const ECHOED = Buffer.from(`${'x'.repeat(38)}\r\n`);

const dial = (port) => net.connect({ port, host: '127.0.0.1', noDelay: true });

/** Seconds until the backend has got `bytes`, which come by `connections` together. */
export async function bulk(port, connections, bytes) {
  const each = Math.ceil(bytes / connections / LINE.length) * LINE.length;
  const begun = performance.now();
  await Promise.all(Array.from({ length: connections }, () => pour(port, each)));
  return (performance.now() - begun) / 1000;
}

function pour(port, bytes) {
  return new Promise((resolve, reject) => {
    const socket = dial(port);
    let left = bytes;
    const send = () => {
      if (left <= 0) return;
      const piece = left >= BLOCK.length ? BLOCK : BLOCK.subarray(0, left);
      left -= piece.length;
      socket.write(piece, send);
    };
    socket.write(String(bytes).padStart(16));
    socket.once('connect', send).once('error', reject);
    socket.once('close', () => reject(new Error('closed before all was there')));
    socket.once('data', () => {
      resolve();
      socket.destroy();
    });
  });
}

/** `count` lines echoed, one at a time on each of `connections`: how many a second, and the median in microseconds. */
export function roundTrips(port, connections, count) {
  return new Promise((resolve, reject) => {
    const times = [];
    let [sent, begun, connected] = [0, 0, 0];
    const sockets = Array.from({ length: connections }, () => dial(port));
    const all = () => {
      begun = performance.now();
      for (const socket of sockets) next(socket);
    };
    const next = (socket) => {
      if (sent++ >= count) return;
      socket.since = performance.now();
      socket.write(ECHOED);
    };
    for (const socket of sockets) {
      let got = 0;
      socket.once('connect', () => ++connected === connections && all()).once('error', reject);
      socket.on('data', ({ length }) => {
        got += length;
        if (got < ECHOED.length) return;
        got = 0;
        const now = performance.now();
        times.push(now - socket.since);
        if (times.length < count) return next(socket);
        for (const one of sockets) one.destroy();
        resolve({ rate: (count / (now - begun)) * 1000, p50: median(times) * 1000 });
      });
    }
  });
}

/** Connections a second: connect, a line there and back, close; `concurrency` at a time, `count` in all. */
export async function connections(port, concurrency, count) {
  const begun = performance.now();
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      await new Promise((resolve, reject) => {
        const socket = dial(port).once('error', reject).once('close', resolve);
        socket.write(ECHOED);
        socket.once('data', () => socket.end());
      });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
  return (count / (performance.now() - begun)) * 1000;
}

/** Opens `count` connections on each of which a line went there and back; they stay open until close() is called. */
export async function idle(port, count) {
  const sockets = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(50, count - sockets.length) }, () => dial(port));
    sockets.push(...some);
    await Promise.all(
      some.map(
        (socket) =>
          new Promise((resolve, reject) => {
            socket.once('error', reject).once('data', resolve);
            socket.write(ECHOED);
          }),
      ),
    );
  }
  return {
    close: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}
