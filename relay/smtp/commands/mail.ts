// MAIL (RFC 5321 4.1.1.2) with SIZE (RFC 1870), BODY (RFC 6152, RFC 3030), SMTPUTF8 (RFC 6531), RET and ENVID (RFC 3461),
// REQUIRETLS (RFC 8689) and AUTH (RFC 4954 5).

import type { Parameter } from '../../store/store.ts';
import { parseParameters } from '../command-line.ts';
import { isEnvid, isRet, isXtext } from '../dsn-parameters.ts';
import { parsePath, pathArgument } from '../path.ts';
import { REPLIES, type Reply, reply, unknownParameter } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';
import { demand } from './demands.ts';

const SYNTAX = reply(501, '5.5.4', 'Syntax: MAIL FROM:<address>');
const BAD_SENDER = {
  syntax: reply(501, '5.1.7', 'The sender is not an address such as <a@example.com>'),
  domain: reply(501, '5.1.7', "The sender's domain is not valid"),
  'too-long': reply(501, '5.1.7', 'The sender is too long'),
};
const BAD_PARAMETERS = reply(501, '5.5.4', 'Parameters are KEYWORD=value, each once');
const BAD_SIZE = reply(501, '5.5.4', 'SIZE is a number of bytes');
const BAD_BODY = reply(501, '5.5.4', 'BODY is 7BIT or 8BITMIME');
const BAD_RET = reply(501, '5.5.4', 'RET is FULL or HDRS');
const BAD_ENVID = reply(501, '5.5.4', 'ENVID is at most 100 characters of xtext');
const BAD_AUTH = reply(501, '5.5.4', 'AUTH is xtext or <>');
const NO_VALUE = reply(501, '5.5.4', 'This parameter takes no value');
// RFC 8689 4.2.2 leaves the text; T15 of the corpus wants 530.
const TLS_FIRST = reply(530, '5.7.0', 'REQUIRETLS needs a connection with TLS');
const TOO_MANY = reply(421, '4.7.0', 'Enough messages for one connection; please open another');

export function mail(session: SmtpSession, argument: string): Step {
  const { envelope, limits, context } = session;
  const missing = demand(session);
  if (missing) return { reply: missing };
  if (session.messages >= limits.maxMessages) return { reply: TOO_MANY, next: 'closing' };
  if (context.space?.isLow) return { reply: REPLIES.noSpace };
  const given = pathArgument(argument, 'FROM:', context.policy.strictPaths);
  if (given === null) return { reply: SYNTAX };
  const path = parsePath(given, { empty: true, postmaster: false });
  if (typeof path === 'string') return { reply: BAD_SENDER[path] };
  const parameters = path.rest === '' ? [] : parseParameters(path.rest);
  if (parameters === null) return { reply: BAD_PARAMETERS };
  for (const one of parameters) {
    const bad = checkParameter(session, one);
    if (bad) return { reply: bad };
  }
  const isUtf8 = parameters.some(([keyword]) => keyword === 'SMTPUTF8');
  if (!isUtf8 && /[^\0-\x7f]/.test(path.address)) return { reply: REPLIES.needsUtf8 };
  envelope.sender = path.address;
  envelope.parameters = parameters;
  envelope.isUtf8 = isUtf8;
  envelope.isBinary = parameters.some(([keyword, value]) => keyword === 'BODY' && /^BINARYMIME$/i.test(value));
  return { reply: REPLIES.senderOk, next: 'sender' };
}

function checkParameter(session: SmtpSession, [keyword, value]: Parameter): Reply | null {
  if (session.protocol === 'SMTP') return REPLIES.parametersNeedEhlo;
  switch (keyword) {
    case 'SIZE':
      if (!/^\d{1,20}$/.test(value)) return BAD_SIZE;
      return Number(value) > session.limits.maxSize ? REPLIES.tooBig : null;
    case 'BODY':
      if (session.context.policy.offersBinary && /^BINARYMIME$/i.test(value)) return null;
      return /^(?:7BIT|8BITMIME)$/i.test(value) ? null : BAD_BODY;
    case 'SMTPUTF8':
      return value === '' ? null : NO_VALUE;
    case 'RET':
      return isRet(value) ? null : BAD_RET;
    case 'ENVID':
      return isEnvid(value) ? null : BAD_ENVID;
    case 'REQUIRETLS':
      if (session.tls === null) return TLS_FIRST;
      return value === '' ? null : NO_VALUE;
    case 'AUTH':
      if (session.context.auth === null || session.context.auth.isDormant) break;
      return value === '<>' || isXtext(value) ? null : BAD_AUTH;
  }
  return unknownParameter(keyword);
}
