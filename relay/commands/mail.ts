// MAIL (RFC 5321 4.1.1.2) with SIZE (RFC 1870) and BODY (RFC 6152).
import { parseParameters } from '../command-line.ts';
import { parsePath } from '../path.ts';
import { REPLIES, type Reply, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';
import type { Parameter } from '../store/store.ts';

const SYNTAX = reply(501, '5.5.4', 'Syntax: MAIL FROM:<address>');
const BAD_SENDER = {
  syntax: reply(501, '5.1.7', 'The sender is not an address such as <a@example.com>'),
  domain: reply(501, '5.1.7', "The sender's domain is not valid"),
  'too-long': reply(501, '5.1.7', 'The sender is too long'),
};
const BAD_PARAMETERS = reply(501, '5.5.4', 'Parameters are KEYWORD=value, each once');
const BAD_SIZE = reply(501, '5.5.4', 'SIZE is a number of bytes');
const BAD_BODY = reply(501, '5.5.4', 'BODY is 7BIT or 8BITMIME');

export function mail(session: SmtpSession, argument: string): Step {
  // The blank behind the colon is no grammar of the RFC, but so many clients send it that refusing it helps nobody.
  const match = /^FROM:[ \t]*(<.*)$/is.exec(argument);
  if (!match) return { reply: SYNTAX };
  const path = parsePath(match[1]!, { empty: true, postmaster: false });
  if (typeof path === 'string') return { reply: BAD_SENDER[path] };
  const parameters = parseParameters(path.rest);
  if (parameters === null) return { reply: BAD_PARAMETERS };
  for (const one of parameters) {
    const bad = checkParameter(session, one);
    if (bad) return { reply: bad };
  }
  if (/[^\0-\x7f]/.test(path.address)) return { reply: REPLIES.noUtf8 };
  session.envelope.sender = path.address;
  session.envelope.parameters = parameters;
  return { reply: REPLIES.senderOk, next: 'sender' };
}

function checkParameter(session: SmtpSession, [keyword, value]: Parameter): Reply | null {
  if (session.protocol === 'SMTP') return reply(555, '5.5.4', 'Parameters need EHLO');
  switch (keyword) {
    case 'SIZE':
      if (!/^\d{1,20}$/.test(value)) return BAD_SIZE;
      return Number(value) > session.limits.maxSize ? REPLIES.tooBig : null;
    case 'BODY':
      return /^(?:7BIT|8BITMIME)$/i.test(value) ? null : BAD_BODY;
    default:
      return reply(555, '5.5.4', `Parameter not recognised: ${keyword}`);
  }
}
