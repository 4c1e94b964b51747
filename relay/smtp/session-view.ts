// What a command's function may see and change of a session: it returns a step and never writes to the connection.
import type { PeerInfo } from '../../src/peer.ts';
import type { TlsInfo } from '../../src/transport.ts';
import type { SaslExchange } from '../auth/sasl.ts';
import type { ContentLimits } from './content.ts';
import type { Envelope } from './envelope.ts';
import type { Intake } from './intake.ts';
import type { State } from './protocol.ts';
import type { Reply } from './replies.ts';
import type { SessionRoute, SmtpContext } from './session-context.ts';
import type { SessionTranscript } from './transcript.ts';

/** What a command leads to. `Session.answer()` is the one place where it takes effect. */
export interface Step {
  /** Several for LMTP, one for each recipient; null when it comes later, behind the chunk. */
  readonly reply: Reply | readonly Reply[] | null;
  /** The state that follows; without it the session stays where it is. */
  readonly next?: State;
  /** With `next: 'chunk'`: the octets that follow. They are dropped when there is a reply already. */
  readonly chunk?: Chunk;
  /** TLS begins when the reply is out; what was learned before is forgotten. */
  readonly upgrade?: 'tls';
}

/** What a BDAT command announces (RFC 3030). */
export interface Chunk {
  readonly size: number;
  readonly isLast: boolean;
}

/** Infinity for no limit. */
export interface SmtpLimits extends ContentLimits {
  /** Recipients of a message; bytes of a command line. */
  readonly maxRecipients: number;
  readonly maxLine: number;
  /** Refused commands, and messages, of a session. */
  readonly maxErrors: number;
  readonly maxMessages: number;
  /** Commands that do nothing, between two messages, after which each more counts as an error. */
  readonly maxIdleCommands: number;
}

/** The client as logs and trace lines show it: the peer, unless a trusted one speaks for another (XCLIENT, XFORWARD). */
export interface ClientInfo {
  /** IP address; '' on a unix socket. */
  readonly address: string;
  readonly port: number;
  /** Its host name; '' when nobody told: we ask no DNS. */
  readonly name: string;
  /** Instead of what the session itself saw; null where that holds. */
  readonly helo: string | null;
  readonly protocol: string | null;
}

export interface SmtpSession {
  readonly context: SmtpContext;
  readonly hostname: string;
  readonly limits: SmtpLimits;
  readonly isLmtp: boolean;
  readonly state: State;
  /** How the connection is encrypted; null in the clear. */
  readonly tls: TlsInfo | null;
  /** Who connected, and where to. */
  readonly peer: PeerInfo;
  /** What was said so far, where that is kept. */
  readonly transcript: SessionTranscript | null;
  client: ClientInfo;
  /** Who has logged in; '' before that. */
  user: string;
  /** The login under way, in the state 'auth'. */
  authExchange: SaslExchange | null;
  /** The name the client gave, '' before it did. */
  helo: string;
  /** What EHLO, HELO or LHLO made of it. */
  protocol: 'SMTP' | 'ESMTP' | 'LMTP';
  readonly envelope: Envelope;
  /** How many messages were taken in, or refused at their end. */
  readonly messages: number;
  /** The message that is being taken in. */
  readonly intake: Intake;
  /** The 220. */
  readonly greeting: Reply;
  /** Forgets the transaction. */
  reset(): void;
  /** Forgets everything that was learned from the client (RFC 3207 4.2), but not who it is. */
  forget(): void;
  /** Where a recipient's mail goes; a reply refuses it. */
  route(address: string): SessionRoute | Reply;
}
