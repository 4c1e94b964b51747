// The failure of an expectation about mail. Apart from what makes its text, which is loaded when one fails.
import { AssertionError } from 'node:assert';

/** An assertion that failed, to every test runner. */
export class MailExpectationError extends AssertionError {
  /** Of the mails that came, those that lack least; at most 5. */
  readonly misses: readonly Miss[];
  /** What the last client and the sink said to each other; '' when nobody is known to have connected. */
  readonly dialogue: string;

  constructor(message: string, misses: readonly Miss[], dialogue: string) {
    super({ message });
    this.name = 'MailExpectationError';
    this.misses = misses;
    this.dialogue = dialogue;
  }
}

export interface Miss {
  readonly id: string;
  readonly subject: string;
  readonly from: string;
  readonly to: readonly string[];
  /** The parts of the filter that do not hold. */
  readonly lacks: readonly string[];
}
