// The client's side of TLS and logins for tests of sessions.
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import { type AuthenticatorOptions, createAuthenticator } from '../../../relay/auth/authenticator.ts';
import type { Authenticator } from '../../../relay/auth/sasl.ts';
import { Users } from '../../../relay/auth/users.ts';
import type { TlsSource } from '../../../relay/smtp/session-context.ts';
import { silentLog } from '../../../src/log.ts';
import { socketTransport } from '../../../src/transport.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/tls-certificate.ts';
import { within } from '../../support/within.ts';
import { Client } from './client.ts';

/** The certificate for localhost, which nobody renews. */
export const TEST_TLS: TlsSource = {
  secureContextOptions: () => ({ key: TEST_KEY, cert: TEST_CERTIFICATE }),
};

/** `alice` with the password `secret`, and whatever else; kept in the clear, so that nothing is slow. */
export async function testLogins(options: Partial<AuthenticatorOptions> = {}): Promise<Authenticator> {
  const log = options.log ?? silentLog;
  const users = await Users.open({ lines: ['alice:secret'], file: undefined, allowWeak: true }, log);
  return createAuthenticator({
    users,
    needsTls: false,
    maxFailures: Number.POSITIVE_INFINITY,
    hostname: 'mx.example',
    log,
    ...options,
  });
}

export function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

/** `AUTH PLAIN ...` for a name and a password. */
export function authPlain(name: string, password: string): string {
  return `AUTH PLAIN ${base64(`\0${name}\0${password}`)}`;
}

/** Goes on under TLS on a socket where the server waits for the handshake; rejects when that fails. */
export async function underTls(socket: Socket, options: ConnectionOptions = {}): Promise<Client> {
  const secure = tlsConnect({ socket, ca: TEST_CERTIFICATE, servername: 'localhost', ...options });
  await within(
    4000,
    new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve);
      secure.once('error', reject);
      secure.once('close', () => reject(new Error('closed during the handshake')));
    }),
    'the handshake',
  );
  secure.on('error', () => {});
  return new Client(socketTransport(secure));
}

/** Says STARTTLS and begins anew under TLS. */
export async function startTls(socket: Socket, client: Client, options?: ConnectionOptions): Promise<Client> {
  const reply = await client.say('STARTTLS');
  if (!reply.startsWith('220 ')) throw new Error(`no TLS: ${reply}`);
  return underTls(socket, options);
}
