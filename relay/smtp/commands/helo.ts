// EHLO, HELO (RFC 5321 4.1.1.1) and LHLO (RFC 2033 4.1): who the client is, and what this server can do. Each ends a
// transaction (4.1.4).
import { reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';
import { authKeywords } from './auth.ts';
import { starttlsKeywords } from './starttls.ts';
import { xclientKeywords } from './xclient.ts';
import { xforwardKeywords } from './xforward.ts';

const BAD_NAME = reply(501, '5.5.4', 'Give your host name or address literal, such as: EHLO client.example');

/** A domain or an address literal, loosely: many clients do not know their name, and nothing depends on it. */
const NAME = /^[!-~\u0080-\u{10ffff}]{1,255}$/u;

export function ehlo(session: SmtpSession, argument: string): Step {
  return extended(session, argument, 'ESMTP');
}

export function lhlo(session: SmtpSession, argument: string): Step {
  return extended(session, argument, 'LMTP');
}

function extended(session: SmtpSession, argument: string, protocol: 'ESMTP' | 'LMTP'): Step {
  if (!NAME.test(argument)) return { reply: BAD_NAME };
  greet(session, argument, protocol);
  return { reply: { code: 250, text: [session.hostname, ...offered(session)] }, next: 'ready' };
}

/** What holds now, in this state of the connection. */
function offered(session: SmtpSession): string[] {
  const { limits, tls } = session;
  const mails = Number.isFinite(limits.maxMessages) ? ` MAILMAX=${limits.maxMessages}` : '';
  return [
    'PIPELINING',
    `SIZE ${Number.isFinite(limits.maxSize) ? limits.maxSize : 0}`,
    '8BITMIME',
    'SMTPUTF8',
    'CHUNKING',
    ...(session.context.policy.offersBinary ? ['BINARYMIME'] : []),
    'DSN',
    'ENHANCEDSTATUSCODES',
    ...(tls === null ? [] : ['REQUIRETLS']),
    `LIMITS${mails} RCPTMAX=${limits.maxRecipients}`,
    ...starttlsKeywords(session),
    ...authKeywords(session),
    ...xclientKeywords(session),
    ...xforwardKeywords(session),
    'HELP',
  ];
}

export function helo(session: SmtpSession, argument: string): Step {
  if (!NAME.test(argument)) return { reply: BAD_NAME };
  greet(session, argument, 'SMTP');
  return { reply: { code: 250, text: session.hostname }, next: 'ready' };
}

function greet(session: SmtpSession, name: string, protocol: SmtpSession['protocol']): void {
  session.reset();
  session.helo = name;
  session.protocol = protocol;
}
