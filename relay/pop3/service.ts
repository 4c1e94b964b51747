// The POP3 server of a sink: its listeners, who may log in, and what all sessions share. Loaded only where it is asked for.
import type { Address } from '../../src/address.ts';
import { Listener } from '../../src/listen.ts';
import type { Log } from '../../src/log.ts';
import { createAuthenticator } from '../auth/authenticator.ts';
import type { Authenticator } from '../auth/sasl.ts';
import { Users } from '../auth/users.ts';
import type { Inbox } from '../inbox/inbox.ts';
import type { SinkOptions } from '../options.ts';
import type { Security } from '../security.ts';
import type { Door } from '../smtp/session-context.ts';
import type { Pop3Context } from './context.ts';
import { Pop3Logins } from './logins.ts';
import type { MailPages } from './maildrop.ts';
import { Pop3Session } from './session.ts';

export interface Pop3Service {
  /** The bound addresses: a port 0 has become a number. */
  readonly pop3: readonly string[];
  readonly pop3s: readonly string[];
  /** Lets sessions come to their end, and cuts those that have not by then. */
  drain(limitMs: number): Promise<unknown>;
  /** The next login looks at the file of the users at once. */
  reload(): void;
}

export interface Pop3Parts {
  readonly inbox: Inbox;
  readonly mails: MailPages;
  readonly security: Pick<Security, 'tls' | 'proxyFrom' | 'namespaces'>;
  readonly log: Log;
}

/** Rejects with LISTEN_FAILED, or with BAD_OPTION when the users cannot be read; nothing is left open then. */
export async function startPop3(options: SinkOptions, parts: Pop3Parts): Promise<Pop3Service> {
  const { inbox, mails, security, log } = parts;
  const { users, auth } = await loginsFor(options, parts);
  const context: Pop3Context = {
    inbox,
    auth,
    tls: security.tls?.smtp ?? null,
    mails,
    hostname: options.hostname,
    idleTimeout: options.pop3IdleTimeout,
    maxErrors: options.maxErrors || Number.POSITIVE_INFINITY,
    log,
  };
  const plain = (options.pop3 ?? []).map((address) => listener(address, {}, options, context, security));
  const secure = (options.pop3s ?? []).map((address) =>
    listener(address, { implicitTls: true }, options, context, security),
  );
  const all = [...plain, ...secure];
  try {
    await Promise.all(all.map((one) => one.listen()));
  } catch (error) {
    await Promise.all(all.map((one) => one.close()));
    throw error;
  }
  return {
    pop3: plain.map(({ address }) => address),
    pop3s: secure.map(({ address }) => address),
    drain: (limitMs) => Promise.all(all.map((one) => one.drain(limitMs))),
    reload: () => users?.lookSoon(),
  };
}

function listener(
  address: Address,
  door: Door,
  options: SinkOptions,
  context: Pop3Context,
  { proxyFrom }: Pick<Security, 'proxyFrom'>,
): Listener {
  const { maxConnections, maxConnectionsPerAddress } = options;
  return new Listener(
    {
      address,
      maxConnections: maxConnections || Number.POSITIVE_INFINITY,
      maxConnectionsPerAddress: maxConnectionsPerAddress || Number.POSITIVE_INFINITY,
      proxyFrom,
      // Where TLS begins, words in the clear mean nothing.
      refusal: (why) => (why === 'draining' || door.implicitTls ? undefined : TOO_MANY),
      onError: (error) => context.log.warn('listener.error', { code: error.code, error: error.message }),
    },
    (transport, peer) => new Pop3Session(transport, peer, context, door),
  );
}

const TOO_MANY = Buffer.from('-ERR [SYS/TEMP] too many connections\r\n');

/** Those of POP3, else those of SMTP, else (on this machine only, see checkPop3Options) anybody. */
async function loginsFor(
  options: SinkOptions,
  { inbox, security, log }: Pop3Parts,
): Promise<{ users: Users | null; auth: Authenticator }> {
  const { pop3User = [], pop3AuthFile, user = [], users: smtpUsers } = options;
  const hasOwn = pop3User.length > 0 || pop3AuthFile !== undefined;
  const sources = hasOwn
    ? { lines: pop3User, file: pop3AuthFile, allowWeak: true }
    : { lines: user, file: smtpUsers, allowWeak: true };
  const hasUsers = sources.lines.length > 0 || sources.file !== undefined;
  const users = hasUsers ? await Users.open(sources, log) : null;
  const auth = createAuthenticator({
    users: users && new Pop3Logins(users, inbox, security.namespaces),
    acceptAny: users === null,
    needsTls: security.tls !== null && !options.authInsecure,
    maxFailures: options.authFailures || Number.POSITIVE_INFINITY,
    hostname: options.hostname,
    log,
  });
  return { users, auth };
}
