// A way through a SOCKS5 proxy (RFC 1928, with the user and password of RFC 1929): resolves with a socket that is
// connected to the destination, with nothing of the destination's first words lost. CONNECT only; names are resolved by
// the proxy.
import { connect, isIPv4, isIPv6, type Socket } from 'node:net';
import { ipv6ToBytes } from './ipv6.ts';

export interface SocksProxy {
  readonly host: string;
  readonly port: number;
  /** '' for none; each at most 255 bytes. */
  readonly user: string;
  readonly pass: string;
}

const VERSION = 5;
const NO_AUTH = 0;
const PASSWORD = 2;
const CONNECT = 1;
const IPV4 = 1;
const NAME = 3;
const IPV6 = 4;

/** RFC 1928 6. */
const REFUSALS: readonly string[] = [
  '',
  'the proxy failed',
  'the proxy does not allow it',
  'the network is unreachable',
  'the host is unreachable',
  'the connection was refused',
  'the TTL expired',
  'the proxy cannot CONNECT',
  'the proxy does not know this kind of address',
];

/** Why the way through a proxy failed: its own fault, or that of what lies behind it. */
export class SocksError extends Error {
  /** The destination could not be reached; the proxy works. */
  readonly isOfDestination: boolean;

  constructor(message: string, isOfDestination = false) {
    super(`SOCKS5: ${message}`);
    this.name = 'SocksError';
    this.isOfDestination = isOfDestination;
  }
}

/** Rejects with SocksError after at most `timeoutMs`; nothing is left open then. */
export async function connectThroughSocks(
  proxy: SocksProxy,
  destination: { readonly host: string; readonly port: number },
  timeoutMs: number,
): Promise<Socket> {
  const socket = connect({ host: proxy.host, port: proxy.port, noDelay: true });
  const late = setTimeout(() => socket.destroy(new SocksError('the proxy took too long')), timeoutMs);
  let onError: (error: Error) => void = () => {};
  let onClose: () => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    onError = (error) => reject(error instanceof SocksError ? error : new SocksError(error.message));
    onClose = () => reject(new SocksError('the proxy closed the connection'));
  });
  socket.on('error', onError);
  socket.on('close', onClose);
  try {
    await Promise.race([shakeHands(socket, proxy, destination), failed]);
    socket.off('error', onError);
    return socket;
  } catch (error) {
    // The listener for errors stays: what still happens to this socket concerns nobody.
    socket.destroy();
    throw error;
  } finally {
    socket.off('close', onClose);
    clearTimeout(late);
  }
}

/**
 * Asks the proxy at the other end of a connected socket, which nobody reads meanwhile. Rejects with SocksError when it says
 * no; when the socket ends it never settles.
 */
export async function shakeHands(
  socket: Socket,
  { user, pass }: Pick<SocksProxy, 'user' | 'pass'>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const methods = user === '' ? [NO_AUTH] : [NO_AUTH, PASSWORD];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const [version, method] = await read(socket, 2);
  if (version !== VERSION) throw new SocksError('the proxy does not speak it');
  if (method === PASSWORD && user !== '') {
    socket.write(Buffer.concat([Buffer.from([1]), counted(user), counted(pass)]));
    const [, status] = await read(socket, 2);
    if (status !== 0) throw new SocksError('the proxy refused user and password');
  } else if (method !== NO_AUTH) throw new SocksError('the proxy wants a user and password, or some other proof');
  const where = Buffer.from([port >> 8, port & 0xff]);
  socket.write(Buffer.concat([Buffer.from([VERSION, CONNECT, 0]), addressBytes(host), where]));
  const [replyVersion, code, , kind] = await read(socket, 4);
  if (replyVersion !== VERSION) throw new SocksError('the proxy answered in another version');
  // From 3 to 6 it speaks of what is behind it.
  if (code !== 0) throw new SocksError(REFUSALS[code!] ?? `refused with code ${code}`, code! >= 3 && code! <= 6);
  const bound = kind === IPV4 ? 4 : kind === IPV6 ? 16 : kind === NAME ? (await read(socket, 1))[0]! : -1;
  if (bound < 0) throw new SocksError('the proxy answered with an unknown kind of address');
  await read(socket, bound + 2);
}

/** Exactly so many bytes; what comes behind them stays in the socket. */
async function read(socket: Socket, size: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(size) as Buffer | null;
    if (bytes?.length === size) return bytes;
    if (bytes) throw new SocksError('the proxy closed the connection');
    await new Promise<void>((resolve) => socket.once('readable', resolve));
  }
}

function counted(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 255) throw new SocksError('a user, password or host name has at most 255 bytes');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function addressBytes(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from([IPV4, ...host.split('.').map(Number)]);
  if (isIPv6(host)) return Buffer.from([IPV6, ...ipv6ToBytes(host)]);
  return Buffer.concat([Buffer.from([NAME]), counted(host)]);
}
