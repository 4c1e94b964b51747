// The transport made from a socket: names of peers, and that it passes everything on.
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { socketTransport } from '../../src/transport.ts';
import { bytes } from '../support/recording.ts';
import { closed, destroySockets, socketPair } from '../support/sockets.ts';
import { turn, within } from '../support/within.ts';

/** Some containers have none. */
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

async function acceptOn(listenOn: { path: string } | { port: number; host: string }): Promise<[Socket, () => void]> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(listenOn, listening));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const address = server.address() as string | { port: number };
  const client = typeof address === 'string' ? connect(address) : connect({ ...listenOn, port: address.port });
  client.on('error', () => {});
  const socket = await within(2000, accepted);
  const close = () => {
    socket.destroy();
    client.destroy();
    server.close();
  };
  return [socket, close];
}

describe('socketTransport', () => {
  afterEach(destroySockets);

  it('names the peer as it is written in logs: IPv4, IPv6 in brackets, unix', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lonedot-test-'));
    for (const [listenOn, expected] of [
      [{ host: '127.0.0.1', port: 0 }, /^127\.0\.0\.1:\d+$/],
      [{ host: '::1', port: 0 }, /^\[::1\]:\d+$/],
      [{ path: join(folder, 'socket') }, /^unix$/],
    ] as const) {
      if ('host' in listenOn && listenOn.host === '::1' && !hasIpv6) continue;
      const [socket, close] = await acceptOn(listenOn);
      expect(socketTransport(socket).remote).to.match(expected);
      close();
    }
    await rm(folder, { recursive: true });
  });

  it('takes another name, for instance from a PROXY header', async () => {
    const { server } = await socketPair();
    expect(socketTransport(server, { remote: '192.0.2.7:4711' }).remote).to.equal('192.0.2.7:4711');
  });

  it('gathers what is written between cork() and uncork() into one chunk', async () => {
    const { server, client } = await socketPair();
    const transport = socketTransport(server);
    const chunks: string[] = [];
    client.on('data', (chunk) => chunks.push(chunk.toString()));
    transport.cork?.();
    for (const word of ['a', 'b', 'c']) transport.write(bytes(word));
    await turn();
    expect(chunks).to.deep.equal([]);
    transport.uncork?.();
    transport.end();
    await within(2000, new Promise((resolve) => client.once('end', resolve)));
    expect(chunks).to.deep.equal(['abc']);
  });

  it('resets', async () => {
    const { server, client } = await socketPair();
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => client.once('error', resolve));
    client.resume();
    socketTransport(server).reset?.();
    expect((await within(2000, failed)).code).to.equal('ECONNRESET');
  });

  it('resets at once, whatever waits to be sent', async () => {
    const { server, client } = await socketPair();
    server.write(Buffer.alloc(20_000_000));
    socketTransport(server).reset?.();
    await within(2000, closed(server));
    // Node may take a reset behind data for an end, so only this can be said of it.
    let received = 0;
    client.on('data', (chunk) => (received += chunk.length)).on('end', () => client.destroy());
    await within(2000, closed(client));
    expect(received).to.be.below(20_000_000);
  });

  it('is closed also by a reset that comes while its end is being sent', async () => {
    const { server } = await socketPair();
    const transport = socketTransport(server);
    transport.end();
    transport.reset?.();
    transport.destroy();
    await within(2000, closed(server));
  });

  it('destroys where there are no resets', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lonedot-test-'));
    const [socket, close] = await acceptOn({ path: join(folder, 'socket') });
    socketTransport(socket).reset?.();
    await within(2000, closed(socket));
    close();
    await rm(folder, { recursive: true });
  });
});
