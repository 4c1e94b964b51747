// What a command's function may see and change of a session: it returns a step and never writes to the connection.
import type { Envelope } from './envelope.ts';
import type { State } from './protocol.ts';
import type { Reply } from './replies.ts';
import type { RouteKind } from './store/store.ts';

export interface Step {
  readonly reply: Reply;
  /** The state that follows; without it the session stays where it is. */
  readonly next?: State;
}

export interface SmtpLimits {
  /** Bytes of a message, recipients of one, bytes of a command line, refused commands; Infinity for no limit. */
  readonly maxSize: number;
  readonly maxRecipients: number;
  readonly maxLine: number;
  readonly maxErrors: number;
}

export interface SmtpSession {
  readonly hostname: string;
  readonly limits: SmtpLimits;
  /** The name the client gave, '' before it did. */
  helo: string;
  protocol: 'SMTP' | 'ESMTP';
  readonly envelope: Envelope;
  /** Forgets the transaction. */
  reset(): void;
  /** Where a recipient's mail goes; a reply refuses it. */
  route(address: string): RouteKind | Reply;
  /** Opens the store for the message that follows. */
  beginContent(): void;
}
