// RCPT (RFC 5321 4.1.1.3) with NOTIFY and ORCPT (RFC 3461 4.1, 4.2).

import type { Parameter } from '../../store/store.ts';
import { parseParameters } from '../command-line.ts';
import { isNotify, isOrcpt } from '../dsn-parameters.ts';
import { parsePath, pathArgument } from '../path.ts';
import { REPLIES, type Reply, reply, unknownParameter } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';

const SYNTAX = reply(501, '5.5.4', 'Syntax: RCPT TO:<address>');
const BAD_RECIPIENT = {
  syntax: reply(501, '5.1.3', 'The recipient is not an address such as <b@example.com>'),
  domain: reply(501, '5.1.3', "The recipient's domain is not valid"),
  'too-long': reply(501, '5.1.3', 'The recipient is too long'),
};
const BAD_PARAMETERS = reply(501, '5.5.4', 'Parameters are KEYWORD=value, each once');
const BAD_NOTIFY = reply(501, '5.5.4', 'NOTIFY is NEVER, or a list of SUCCESS, FAILURE, DELAY');
const BAD_ORCPT = reply(501, '5.5.4', 'ORCPT is type;address, the address in xtext');

export function rcpt(session: SmtpSession, argument: string): Step {
  const { envelope, limits, context } = session;
  envelope.isAddressed = true;
  const given = pathArgument(argument, 'TO:', context.policy.strictPaths);
  if (given === null) return { reply: SYNTAX };
  const path = parsePath(given, { empty: false, postmaster: true });
  if (typeof path === 'string') return { reply: BAD_RECIPIENT[path] };
  const parameters = path.rest === '' ? [] : parseParameters(path.rest);
  if (parameters === null) return { reply: BAD_PARAMETERS };
  for (const one of parameters) {
    const bad = checkParameter(session, one);
    if (bad) return { reply: bad };
  }
  if (!envelope.isUtf8 && /[^\0-\x7f]/.test(path.address)) return { reply: REPLIES.needsUtf8 };
  if (envelope.recipients.length >= limits.maxRecipients) return { reply: REPLIES.tooManyRecipients };
  const route = session.route(path.address);
  if (typeof route !== 'string') return { reply: route };
  envelope.recipients.push({ address: path.address, parameters, route });
  return { reply: REPLIES.recipientOk, next: 'envelope' };
}

function checkParameter(session: SmtpSession, [keyword, value]: Parameter): Reply | null {
  if (session.protocol === 'SMTP') return REPLIES.parametersNeedEhlo;
  if (keyword === 'NOTIFY') return isNotify(value) ? null : BAD_NOTIFY;
  if (keyword === 'ORCPT') return isOrcpt(value, session.envelope.isUtf8) ? null : BAD_ORCPT;
  return unknownParameter(keyword);
}
