// One transaction: who sends, to whom, with which parameters. RSET is a new Envelope and nothing else, so nothing of a
// transaction can outlive it.
import type { NewRecipient, Parameter } from '../store/store.ts';
import type { SessionRoute } from './session-context.ts';

export interface EnvelopeRecipient extends Omit<NewRecipient, 'route'> {
  readonly route: SessionRoute;
}

export class Envelope {
  sender: string | null = null;
  parameters: readonly Parameter[] = [];
  readonly recipients: EnvelopeRecipient[] = [];
  /** What MAIL promised: SMTPUTF8 (RFC 6531), BODY=BINARYMIME (RFC 3030). */
  isUtf8 = false;
  isBinary = false;
  /** What a content filter told of the client, for the log (XFORWARD); null for nothing. */
  forwarded: ReadonlyMap<string, string | null> | null = null;
  /** Chunks that came by BDAT. */
  chunks = 0;
  /** Whether a RCPT came at all, refused ones included. */
  isAddressed = false;
}
