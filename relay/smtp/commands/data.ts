// DATA (RFC 5321 4.1.1.4): after the 354 the framer waits for the lone dot.
import { REPLIES, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';

// RFC 2920 3.1: in a pipelined group the client learns here that no recipient was taken.
const NO_RECIPIENTS = reply(554, '5.5.1', 'No valid recipients');
const TOO_EARLY = reply(503, '5.5.1', 'Send RCPT first');

// RFC 3030 3: what is binary cannot be sent in lines.
const BINARY = reply(503, '5.5.1', 'BODY=BINARYMIME needs BDAT');

export function data(session: SmtpSession, argument: string): Step {
  if (argument !== '') return { reply: REPLIES.noArguments };
  const { recipients, isAddressed, isBinary } = session.envelope;
  if (recipients.length === 0) return { reply: isAddressed ? NO_RECIPIENTS : TOO_EARLY };
  if (isBinary) return { reply: BINARY };
  session.intake.begin('data');
  return { reply: REPLIES.startMail, next: 'content' };
}
