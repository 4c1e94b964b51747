// What a SASL mechanism is to the session (RFC 4422, RFC 4954): a little state machine that is given responses and
// answers with a challenge, a user, or a refusal. It knows neither lines nor base64; commands/auth.ts does.
import { type Reply, reply } from '../smtp/replies.ts';

export type SaslStep =
  | { readonly challenge: Buffer }
  | { readonly user: string }
  /** `claimed`: the name that was given, for the log. */
  | { readonly refused: Reply; readonly claimed?: string };

export interface SaslExchange {
  /** The client's next bytes; null at the beginning when it sent none along with AUTH. */
  respond(response: Buffer | null): SaslStep | Promise<SaslStep>;
}

/** Who wants to log in: what the offer depends on, and what failures are counted by. */
export interface SaslClient {
  /** Its IP address, '' on a unix socket. */
  readonly address: string;
  readonly isTls: boolean;
  /** The subject of a certificate that was checked, for EXTERNAL; '' without one. */
  readonly certificate: string;
}

/** What a session asks about logging in. */
export interface Authenticator {
  /** The mechanisms this client may use now, best first; none, and AUTH is not offered. */
  mechanisms(client: SaslClient): readonly string[];
  /** Nobody could log in at the moment: the session knows no AUTH. */
  readonly isDormant?: boolean;
  /** Begins one of them; a reply refuses it (504 unknown, 538 TLS needed, 454 too many failures). */
  begin(mechanism: string, client: SaslClient): SaslExchange | Reply;
}

/** Octets of base64 in one line of the exchange (RFC 4954 section 4). */
export const MAX_AUTH_LINE = 12_288;

export const AUTH_REPLIES = {
  failed: reply(535, '5.7.8', 'Authentication credentials invalid'),
  syntax: reply(501, '5.5.2', 'The response does not fit the mechanism'),
  busy: reply(454, '4.7.0', 'Temporary authentication failure; please try again later'),
  lockedOut: reply(454, '4.7.0', 'Too many failed logins from your address; please try again later'),
  unknownMechanism: reply(504, '5.5.4', 'Authentication mechanism not available'),
  tlsNeeded: reply(538, '5.7.11', 'Encryption required for authentication; send STARTTLS first'),
} as const satisfies Readonly<Record<string, Reply>>;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Text of a response; null when it is not UTF-8. */
export function saslText(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** Whether a name can be a user's: something, without control characters, of a length that fits a log line. */
export function isUserName(name: string): boolean {
  return name !== '' && name.length <= 255 && !/\p{Cc}/u.test(name);
}
