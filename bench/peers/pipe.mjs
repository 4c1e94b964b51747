#!/usr/bin/env node
// The proxy that everybody writes: `pipe.mjs PORT UPSTREAM_PORT`.
import net from 'node:net';

const [port, upstream] = process.argv.slice(2).map(Number);
const options = { allowHalfOpen: true, noDelay: true };
net
  .createServer(options, (client) => {
    const server = net.connect({ ...options, port: upstream, host: '127.0.0.1' });
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
    client.pipe(server).pipe(client);
  })
  .listen({ port, host: '127.0.0.1', backlog: 1024 });
