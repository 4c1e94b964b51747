// One transaction: who sends, to whom, with which parameters. RSET is a new Envelope and nothing else, so nothing of a
// transaction can outlive it.
import type { NewRecipient, Parameter } from './store/store.ts';

export class Envelope {
  sender: string | null = null;
  parameters: readonly Parameter[] = [];
  readonly recipients: NewRecipient[] = [];
  /** Whether a RCPT came at all, refused ones included. */
  isAddressed = false;
}
