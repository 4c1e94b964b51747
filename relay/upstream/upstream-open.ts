// From an upstream's URL to a connection that is ready for mail: through the proxy, with TLS as the upstream demands, and
// logged in. Loaded for the first mail: a relay with an empty queue starts without nodemailer.
import { connect as connectSocket, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import throughHttpProxy from 'nodemailer/lib/smtp-connection/http-proxy-client';
import XOAuth2 from 'nodemailer/lib/xoauth2';
import { connectThroughSocks, type SocksError } from '../../src/socks.ts';
import type { SendError } from './outcome.ts';
import type { Upstream, UpstreamTls } from './upstream.ts';
import { UpstreamConnection } from './upstream-connection.ts';
import type { TlsFiles } from './upstream-files.ts';
import type { Waits } from './waits.ts';

/** How long replies may be: nothing that is worth reading has two megabytes, and no memory goes to what never ends. */
const MAX_RESPONSE_BYTES = 2 * 1024 * 1024;

/** What is the same for all connections to one upstream. */
export interface Dial {
  readonly upstream: Upstream;
  /** A host of the upstream's, or the address of one of the recipient domain's hosts. */
  readonly address: string;
  /** The name that its certificate should have; '' where that is the address. */
  readonly servername: string;
  /** For EHLO. */
  readonly hostname: string;
  readonly files: TlsFiles;
  readonly waits: Waits;
}

/** Logs in to one upstream; keeps the access token of OAuth2 between connections. */
export class Login {
  readonly #auth: Upstream['auth'];
  readonly #tokens: XOAuth2 | undefined;

  constructor({ auth }: Upstream) {
    this.#auth = auth;
    if (!auth?.oauth2) return;
    const { tokenUrl: accessUrl, ...rest } = auth.oauth2;
    this.#tokens = new XOAuth2({ user: auth.user, accessUrl, ...rest, requestTimeout: 30_000 });
  }

  async run(connection: UpstreamConnection): Promise<void> {
    const auth = this.#auth;
    if (!auth) return;
    const { user, pass, mechanism } = auth;
    try {
      if (this.#tokens) await connection.logIn({ user, method: 'XOAUTH2', oauth2: this.#tokens });
      else await connection.logIn({ method: mechanism?.toUpperCase(), credentials: { user, pass } });
    } catch (reason) {
      const error = reason as SendError & Error;
      // What the other side says goes to logs and bounces, and some repeat what they were given.
      throw Object.assign(error, { message: hide(error.message, auth), response: hide(error.response ?? '', auth) });
    }
  }
}

/**
 * Rejects with nodemailer's errors, of which `code` tells what failed; nothing is left open then. `opened` is told of the
 * connection as soon as there is one to be closed.
 */
export async function openConnection(
  dial: Dial,
  tls: UpstreamTls,
  login: Login,
  opened: (connection: UpstreamConnection) => void,
): Promise<UpstreamConnection> {
  const { upstream, address, servername, hostname, files, waits } = dial;
  const { implicitTls, port } = upstream;
  const named = servername === '' ? {} : { servername };
  const secured: ConnectionOptions = { ...files, ...named, rejectUnauthorized: upstream.verify };
  const ready = await socketFor(dial);
  const connection = new UpstreamConnection(
    {
      host: address.startsWith('/') ? 'localhost' : address,
      port,
      secure: implicitTls,
      ...named,
      requireTLS: tls === 'require' && !implicitTls,
      ignoreTLS: tls === 'none',
      opportunisticTLS: tls === 'opportunistic',
      tls: secured,
      lmtp: upstream.kind === 'lmtp',
      name: hostname,
      connection: ready,
      maxResponseSize: MAX_RESPONSE_BYTES,
    },
    waits,
  );
  opened(connection);
  try {
    await connection.open();
    await login.run(connection);
    return connection;
  } catch (error) {
    connection.close();
    ready?.destroy();
    throw error;
  }
}

/** A socket that nodemailer cannot make itself: undefined where it can. */
async function socketFor({ upstream, address, waits }: Dial): Promise<Socket | undefined> {
  const { proxy, port } = upstream;
  if (address.startsWith('/')) return connectUnix(address);
  if (!proxy) return undefined;
  const destination = { host: address, port };
  if (proxy.kind === 'socks5') {
    return connectThroughSocks(proxy, destination, waits.connect).catch((error: SocksError) => {
      throw Object.assign(error, { code: error.isOfDestination ? 'ESOCKET' : 'EPROXY' });
    });
  }
  const url = new URL(`http://${proxy.host.includes(':') ? `[${proxy.host}]` : proxy.host}:${proxy.port}`);
  Object.assign(url, { username: encodeURIComponent(proxy.user), password: encodeURIComponent(proxy.pass) });
  return new Promise((resolve, reject) => {
    throughHttpProxy(url.href, port, address, { timeout: waits.connect }, (error, socket) => {
      if (error) reject(Object.assign(error, { code: 'EPROXY' }));
      else resolve(socket!);
    });
  });
}

function connectUnix(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ path });
    const failed = (error: Error): void => reject(Object.assign(error, { code: 'ESOCKET' }));
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

function hide(text: string, { pass, oauth2 }: NonNullable<Upstream['auth']>): string {
  const secrets = [pass, oauth2?.clientSecret ?? '', oauth2?.refreshToken ?? ''].filter((one) => one !== '');
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}
