#!/usr/bin/env node
// The same three modes as line-server.mjs on what Node users reach for: `lines.mjs PORT lines|echo readline|split2`.
import net from 'node:net';
import readline from 'node:readline';
import split2 from 'split2';

const [port, mode, kind] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
const subscribe = {
  readline: (socket, onLine) =>
    readline.createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine),
  split2: (socket, onLine) => socket.pipe(split2()).on('data', onLine),
}[kind];
net
  .createServer({ noDelay: true, highWaterMark: 65536 }, (socket) => {
    let lines = 0;
    socket.on('error', () => {});
    subscribe(socket, (line) => {
      if (line === '.') {
        socket.write(`${lines}\r\n`);
        lines = 0;
        return;
      }
      lines++;
      if (mode === 'echo') socket.write(`${line}\r\n`);
    });
  })
  .listen({ port, host: '127.0.0.1', backlog: 1024 });
