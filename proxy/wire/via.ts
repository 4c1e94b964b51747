// A proxy of somebody else on the way to the upstream: SOCKS5 (src/socks.ts) or CONNECT of HTTP (RFC 9110 9.3.6). Names
// are resolved there.
import type { Socket } from 'node:net';
import { type Address, formatAddress } from '../../src/address.ts';
import { ChatError } from '../../src/errors.ts';
import { shakeHands } from '../../src/socks.ts';
import type { Via } from './dial.ts';

/** A head that is longer is no answer to CONNECT. */
const MAX_HEAD = 16_384;

/** From `socks5://[user:password@]host[:port]` or `http://...`. */
export function viaProxy(url: URL): Via {
  const isHttp = url.protocol === 'http:';
  const port = Number(url.port || (isHttp ? 80 : 1080));
  const address: Address = { kind: 'tcp', host: url.hostname.replace(/^\[|\]$/g, ''), port };
  const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  const ask = isHttp ? connectByHttp : shakeHands;
  return {
    address,
    ask: (socket, upstream) => {
      if (upstream.kind !== 'tcp') throw new ChatError('BAD_OPTION', 'a proxy connects to host:port only');
      return whileOpen(socket, ask(socket, { user, pass }, upstream));
    },
  };
}

interface Credentials {
  /** '' for none. */
  readonly user: string;
  readonly pass: string;
}

async function connectByHttp(
  socket: Socket,
  { user, pass }: Credentials,
  upstream: { readonly host: string; readonly port: number },
): Promise<void> {
  const name = formatAddress({ kind: 'tcp', ...upstream });
  const secret = Buffer.from(`${user}:${pass}`).toString('base64');
  const login = user === '' ? '' : `Proxy-Authorization: Basic ${secret}\r\n`;
  socket.write(`CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\n${login}\r\n`);
  const head = await readHead(socket);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  if (status === undefined) throw new Error('the proxy does not speak HTTP');
  if (!status.startsWith('2'))
    throw new Error(`the proxy answered CONNECT with ${head.split('\r\n', 1)[0]!.slice(9, 109)}`);
}

/** Up to the empty line. What comes behind it stays in the socket. */
async function readHead(socket: Socket): Promise<string> {
  let head = Buffer.alloc(0);
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      await new Promise<void>((resolve) => socket.once('readable', resolve));
      continue;
    }
    const from = Math.max(0, head.length - 3);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n', from);
    if (end >= 0) {
      if (end + 4 < head.length) socket.unshift(head.subarray(end + 4));
      return head.toString('latin1', 0, end);
    }
    if (head.length > MAX_HEAD) throw new Error('the proxy answered CONNECT without end');
  }
}

/** Rejects also when the proxy ends the connection. */
async function whileOpen(socket: Socket, work: Promise<void>): Promise<void> {
  let left = (): void => {};
  const gone = new Promise<never>((_, reject) => {
    left = () => reject(new Error('the proxy closed the connection'));
  });
  socket.on('end', left).on('close', left);
  try {
    await Promise.race([work, gone]);
  } finally {
    socket.off('end', left).off('close', left);
  }
}
