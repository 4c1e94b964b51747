// What all POP3 sessions of a server share, and what a command may see and change of its session: the shapes between
// the table of the protocol, the logins and the session. Types only.
import type { Log } from '../../src/log.ts';
import type { Authenticator, SaslExchange } from '../auth/sasl.ts';
import type { Inbox } from '../inbox/inbox.ts';
import type { TlsSource } from '../smtp/session-context.ts';
import type { Maildrop, MailPages } from './maildrop.ts';

export interface Pop3Context {
  readonly inbox: Inbox;
  readonly auth: Authenticator;
  /** The certificate; null when there is none, and TLS is not offered. */
  readonly tls: TlsSource | null;
  readonly mails: MailPages;
  readonly hostname: string;
  /** Milliseconds. */
  readonly idleTimeout: number;
  /** Refused commands of a session; Infinity for no limit. */
  readonly maxErrors: number;
  readonly log: Log;
}

export type State = 'handshake' | 'authorization' | 'sasl' | 'transaction' | 'closing';

/** What a command leads to. The session is the one place where it takes effect. */
export interface Step {
  /** A line without its end, or a reply of several lines with all its ends. */
  readonly reply: string | AsyncIterable<Buffer>;
  /** The state that follows; without it the session stays where it is. */
  readonly next?: State;
  /** TLS begins when the reply is out. */
  readonly upgrade?: true;
}

export interface Pop3View {
  readonly context: Pop3Context;
  readonly isTls: boolean;
  /** IP address; '' on a unix socket. */
  readonly clientAddress: string;
  /** What USER said; '' before that. */
  name: string;
  /** The login under way, in the state `sasl`. */
  exchange: SaslExchange | null;
  /** From the login on. */
  drop: Maildrop | null;
}
