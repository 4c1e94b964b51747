// RCPT (RFC 5321 4.1.1.3). No parameter is offered yet, so each one is refused by name.
import { parseParameters } from '../command-line.ts';
import { parsePath } from '../path.ts';
import { REPLIES, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';

const SYNTAX = reply(501, '5.5.4', 'Syntax: RCPT TO:<address>');
const BAD_RECIPIENT = {
  syntax: reply(501, '5.1.3', 'The recipient is not an address such as <b@example.com>'),
  domain: reply(501, '5.1.3', "The recipient's domain is not valid"),
  'too-long': reply(501, '5.1.3', 'The recipient is too long'),
};
const BAD_PARAMETERS = reply(501, '5.5.4', 'Parameters are KEYWORD=value, each once');

export function rcpt(session: SmtpSession, argument: string): Step {
  session.envelope.isAddressed = true;
  const match = /^TO:[ \t]*(<.*)$/is.exec(argument);
  if (!match) return { reply: SYNTAX };
  const path = parsePath(match[1]!, { empty: false, postmaster: true });
  if (typeof path === 'string') return { reply: BAD_RECIPIENT[path] };
  const parameters = parseParameters(path.rest);
  if (parameters === null) return { reply: BAD_PARAMETERS };
  if (parameters.length > 0) return { reply: reply(555, '5.5.4', `Parameter not recognised: ${parameters[0]![0]}`) };
  if (/[^\0-\x7f]/.test(path.address)) return { reply: REPLIES.noUtf8 };
  const { recipients } = session.envelope;
  if (recipients.length >= session.limits.maxRecipients) return { reply: REPLIES.tooManyRecipients };
  const route = session.route(path.address);
  if (typeof route !== 'string') return { reply: route };
  recipients.push({ address: path.address, parameters, route });
  return { reply: REPLIES.recipientOk, next: 'envelope' };
}
