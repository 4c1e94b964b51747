// Real connections on loopback for tests: two joined sockets, and whatever a peer sent until its end.
import { connect, createServer, type Socket } from 'node:net';
import { within } from './within.ts';

const opened = new Set<Socket>();

/** The two ends of a TCP connection; half-close is allowed on both. */
export async function socketPair(): Promise<{ server: Socket; client: Socket }> {
  const listener = createServer({ allowHalfOpen: true, noDelay: true });
  await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening));
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const { port } = listener.address() as { port: number };
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const server = await within(2000, accepted, 'a connection on loopback');
  listener.close();
  if (client.connecting) await within(2000, new Promise((resolve) => client.once('connect', resolve)));
  for (const socket of [server, client]) {
    opened.add(socket);
    // A reset by the other end is part of many tests; whoever cares listens too.
    socket.on('error', () => {});
    socket.on('close', () => opened.delete(socket));
  }
  return { server, client };
}

/** For afterEach: no test leaves a connection behind. */
export function destroySockets(): void {
  for (const socket of opened) socket.destroy();
}

/** All that arrives until the peer ends its stream (or the connection is gone). */
export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const done = () => resolve(Buffer.concat(chunks).toString('latin1'));
    socket
      .on('data', (chunk) => chunks.push(chunk))
      .once('end', done)
      .once('close', done);
  });
}

/** Resolves with what has arrived as soon as it ends with `text`. */
export function readUntil(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    let all = '';
    const take = (chunk: Buffer) => {
      all += chunk.toString('latin1');
      if (!all.endsWith(text)) return;
      socket.removeListener('data', take);
      resolve(all);
    };
    socket.on('data', take);
  });
}

export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
}
