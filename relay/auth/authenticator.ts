// Puts the mechanisms, the users and the failures together: what is offered to whom, and what becomes of a failure.
import { randomBytes } from 'node:crypto';
import { type Clock, realClock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import { oauthBearer, type TokenCheck, xoauth2 } from './bearer.ts';
import { cramMd5 } from './cram-md5.ts';
import { external } from './external.ts';
import { AuthFailures } from './failures.ts';
import { hmacMd5State } from './hmac-md5.ts';
import { passwordCheck, type UserLookup } from './password-check.ts';
import { login, type PasswordCheck, plain } from './plain.ts';
import { AUTH_REPLIES, type Authenticator, type SaslClient, type SaslExchange, type SaslStep } from './sasl.ts';
import { saslprep } from './saslprep.ts';
import { scramSha256 } from './scram.ts';
import { decoyVerifier, makeScramVerifier, type ScramVerifier } from './scram-verifier.ts';

export interface KnownUsers extends UserLookup {
  /** Whether some user has what CRAM-MD5, or SCRAM-SHA-256, needs. */
  readonly hasCramMd5: boolean;
  readonly hasScram: boolean;
  readonly isEmpty: boolean;
  /** There may be users later; until then no mechanism is offered for them. */
  readonly isDormant?: boolean;
  /** Looks whether the file has changed; cheap when it was asked a moment ago. Never rejects. */
  refresh(): Promise<void>;
}

export interface AuthenticatorOptions {
  readonly users: KnownUsers | null;
  /** Instead of users: asks somebody else about name and password, or about a token. */
  readonly passwords?: PasswordCheck | null;
  readonly tokens?: TokenCheck | null;
  /** Any name and password will do: for sinks. */
  readonly acceptAny?: boolean;
  /** Logging in needs TLS. */
  readonly needsTls: boolean;
  /** Failures after which an address has to wait. */
  readonly maxFailures: number;
  readonly hostname: string;
  readonly log: Log;
  readonly clock?: Clock;
}

interface Mechanism {
  isThere(client: SaslClient): boolean;
  begin(client: SaslClient): SaslExchange;
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { users, needsTls, hostname, log, clock = realClock } = options;
  const { tokens, check } = checksOf(options);
  const failures = new AuthFailures(options.maxFailures, clock);
  const scram = scramLookup(users);
  const nobody = hmacMd5State(randomBytes(32));
  const hasPasswords = (): boolean => check !== null && (options.passwords != null || users?.isDormant !== true);

  // Best first. Each row: whether it is there for this client, and how it begins.
  const mechanisms: Readonly<Record<string, Mechanism>> = {
    EXTERNAL: { isThere: ({ certificate }) => certificate !== '', begin: ({ certificate }) => external(certificate) },
    'SCRAM-SHA-256': { isThere: () => users?.hasScram ?? false, begin: () => scramSha256(scram) },
    'CRAM-MD5': {
      isThere: () => options.acceptAny || (users?.hasCramMd5 ?? false),
      begin: () =>
        options.acceptAny
          ? anyCramMd5(hostname)
          : cramMd5((given) => {
              const name = saslprep(given);
              const state = name === null ? null : users?.find(name)?.cramMd5;
              return { user: state ? name : null, state: state ?? nobody };
            }, hostname),
    },
    PLAIN: { isThere: hasPasswords, begin: () => plain(check!) },
    LOGIN: { isThere: hasPasswords, begin: () => login(check!) },
    OAUTHBEARER: { isThere: () => tokens !== null, begin: () => oauthBearer(tokens!) },
    XOAUTH2: { isThere: () => tokens !== null, begin: () => xoauth2(tokens!) },
  };

  function offered(client: SaslClient): string[] {
    void users?.refresh();
    if (needsTls && !client.isTls) return [];
    return Object.keys(mechanisms).filter((name) => mechanisms[name]!.isThere(client));
  }

  async function settle(step: SaslStep, client: SaslClient, mechanism: string): Promise<SaslStep> {
    const facts = { client: client.address || 'unix', mechanism };
    // Asked at each step: others may have failed meanwhile, and a guess among many should not learn that it fits.
    if (failures.isLockedOut(client.address)) {
      log.warn('auth.locked_out', facts);
      return { refused: AUTH_REPLIES.lockedOut };
    }
    if ('challenge' in step) return step;
    if ('user' in step) {
      log.debug('auth.succeeded', { ...facts, user: step.user });
      return step;
    }
    if (step.refused.code !== 535) return step;
    const delay = failures.add(client.address);
    log.warn('auth.failed', { ...facts, user: step.claimed ?? '' });
    await new Promise<void>((passed) => void clock.setTimeout(passed, delay));
    return step;
  }

  return {
    mechanisms: offered,
    begin: (name, client) => {
      if (needsTls && !client.isTls) return AUTH_REPLIES.tlsNeeded;
      if (!Object.hasOwn(mechanisms, name) || !mechanisms[name]!.isThere(client)) return AUTH_REPLIES.unknownMechanism;
      if (failures.isLockedOut(client.address)) return AUTH_REPLIES.lockedOut;
      const exchange = mechanisms[name]!.begin(client);
      return {
        respond: async (response) => {
          await users?.refresh();
          return settle(await exchange.respond(response), client, name);
        },
      };
    },
  };
}

function checksOf(options: AuthenticatorOptions): { check: PasswordCheck | null; tokens: TokenCheck | null } {
  if (options.acceptAny) {
    return { check: async (name) => name, tokens: async (_token, claimed) => claimed || 'somebody' };
  }
  const own = options.users ? passwordCheck(options.users) : null;
  return { check: options.passwords ?? own, tokens: options.tokens ?? null };
}

/** Looks the verifier up; where the password itself is kept, one is made of it and kept as long. */
function scramLookup(users: KnownUsers | null) {
  const secret = randomBytes(32);
  const made = new WeakMap<object, Promise<ScramVerifier>>();
  return async (name: string): Promise<{ user: string | null; verifier: ScramVerifier }> => {
    const known = users?.find(name) ?? null;
    if (known?.scram) return { user: name, verifier: known.scram };
    if (known !== null && known.plain !== null) {
      const verifier = made.get(known) ?? makeScramVerifier(known.plain, 4096);
      made.set(known, verifier);
      return { user: name, verifier: await verifier };
    }
    return { user: null, verifier: decoyVerifier(name, secret, users?.decoy.scram?.iterations ?? 4096) };
  };
}

/** Takes whatever a client answers, so that any program can be tried out. */
function anyCramMd5(hostname: string): SaslExchange {
  let isSent = false;
  return {
    respond: (response) => {
      if (!isSent && response === null) {
        isSent = true;
        return { challenge: Buffer.from(`<${Date.now()}@${hostname}>`) };
      }
      const name = /^(.+) [\da-f]{32}$/is.exec(response?.toString('utf8') ?? '')?.[1];
      return name === undefined ? { refused: AUTH_REPLIES.syntax } : { user: name };
    },
  };
}
