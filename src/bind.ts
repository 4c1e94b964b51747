// Makes a server listen on an address, and says in one line what to do when that cannot be.
import { lookup } from 'node:dns/promises';
import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { type Address, formatAddress } from './address.ts';
import { ChatError } from './errors.ts';
import { type InheritedFd, inheritedFds } from './listen-fds.ts';

export interface BindOptions {
  backlog: number;
  /** Permissions of a unix socket, for instance 0o660; without it the umask decides. */
  unixMode?: number | undefined;
  /** The descriptors that `fd:N` may name. Default: what LISTEN_FDS says. */
  inherited?: readonly InheritedFd[] | undefined;
}

/** What to do about it. `unix.` where a path has other causes than a port. */
const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use; stop the program that listens there or choose another port (0 takes a free one)',
  EACCES: 'no permission; choose a port from 1024 up, or hand the socket in as fd:N',
  EADDRNOTAVAIL: 'this machine does not have that address; choose one it has, or 127.0.0.1',
  EAFNOSUPPORT: 'this machine does not support that kind of address; choose an IPv4 address',
  ENOTFOUND: 'the host name is not known; write an IP address',
  EAI_AGAIN: 'the host name could not be looked up; write an IP address',
  EMFILE: 'this process has too many open files; raise its limit (ulimit -n)',
  ENFILE: 'this machine has too many open files; raise fs.file-max',
  'unix.EADDRINUSE': 'another program answers there; stop it or choose another path',
  'unix.EEXIST': 'a file that is no socket is in the way; remove it or choose another path',
  'unix.EACCES': 'no permission; give this user the right to write in that directory or choose another path',
  'unix.ENOENT': 'the directory does not exist; create it or choose another path',
  'fd.ENOTSOCK': 'the descriptor is no listening socket; check what the process was started with',
  'fd.EINVAL': 'the descriptor is no listening socket; check what the process was started with',
};

/** Resolves when the server listens; rejects with ChatError LISTEN_FAILED. */
export async function bind(server: Server, address: Address, options: BindOptions): Promise<void> {
  const { backlog } = options;
  try {
    if (address.kind === 'fd') {
      checkInherited(address.fd, options.inherited ?? inheritedFds());
      await listening(server, { fd: address.fd, backlog });
    } else if (address.kind === 'unix') {
      await listenOnPath(server, address.path, backlog);
      if (options.unixMode !== undefined) chmodSync(address.path, options.unixMode);
    } else {
      await listening(server, { host: await firstAddress(address.host), port: address.port, backlog });
    }
  } catch (error) {
    if (error instanceof ChatError) throw error;
    const failure = error as NodeJS.ErrnoException;
    // libuv says EACCES for a missing directory too ("for compat with Windows").
    if (address.kind === 'unix' && !existsSync(dirname(address.path))) failure.code = 'ENOENT';
    throw listenError('listen', address, failure);
  }
}

/** The address with the real port; undefined for an inherited unix socket, whose path Node does not tell. */
export function boundAddress(server: Server): Address | undefined {
  const bound = server.address();
  if (bound === null) return undefined;
  return typeof bound === 'string'
    ? { kind: 'unix', path: bound }
    : { kind: 'tcp', host: bound.address, port: bound.port };
}

export function listenError(doing: 'listen' | 'accept', address: Address, error: NodeJS.ErrnoException): ChatError {
  const code = error.code ?? '';
  const advice = ADVICE[`${address.kind}.${code}`] ?? ADVICE[code] ?? error.message;
  const text = formatAddress(address);
  return new ChatError('LISTEN_FAILED', `cannot ${doing} on ${text}: ${advice}`, { address: text, cause: code }, error);
}

function listening(server: Server, options: Parameters<Server['listen']>[0] & object): Promise<void> {
  return new Promise((resolve, reject) => {
    const onListening = (): void => {
      server.off('error', onError);
      resolve();
    };
    const onError = (error: Error): void => {
      server.off('listening', onListening);
      reject(error);
    };
    server.once('listening', onListening).once('error', onError);
    server.listen(options);
  });
}

/** IPv4 first, whatever the resolver's order: `localhost` must be one and the same address on every machine. */
async function firstAddress(host: string): Promise<string> {
  const found = await lookup(host, { all: true });
  return (found.find(({ family }) => family === 4) ?? found[0])?.address ?? host;
}

async function listenOnPath(server: Server, path: string, backlog: number): Promise<void> {
  try {
    await listening(server, { path, backlog });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !(await isStale(path))) throw error;
    unlinkSync(path);
    await listening(server, { path, backlog });
  }
}

/** A socket file outlives the process that died without closing it. If nobody answers there, nobody needs it. */
async function isStale(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) throw Object.assign(new Error(`${path} is no socket`), { code: 'EEXIST' });
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    // Any other error (no permission, backlog full) means that somebody may be there.
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

function checkInherited(fd: number, inherited: readonly InheritedFd[]): void {
  if (inherited.some((each) => each.fd === fd)) return;
  // Without this check a typing error would listen on some file or connection of our own.
  const known = inherited.map((each) => `fd:${each.fd} (${each.name})`).join(', ') || 'none';
  const why = 'it was not handed to this process (LISTEN_FDS, LISTEN_PID)';
  const message = `cannot listen on fd:${fd}: ${why}; handed over: ${known}`;
  throw new ChatError('LISTEN_FAILED', message, { address: `fd:${fd}` });
}
