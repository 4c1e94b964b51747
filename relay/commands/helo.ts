// EHLO and HELO (RFC 5321 4.1.1.1): who the client is, and what this server can do. Both end a transaction (4.1.4).
import { type Reply, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';

const BAD_NAME = reply(501, '5.5.4', 'Give your host name or address literal, such as: EHLO client.example');

/** A domain or an address literal, loosely: many clients do not know their name, and nothing depends on it. */
const NAME = /^[!-~\u0080-\u{10ffff}]{1,255}$/u;

export function ehlo(session: SmtpSession, argument: string): Step {
  if (!NAME.test(argument)) return { reply: BAD_NAME };
  greet(session, argument, 'ESMTP');
  const size = Number.isFinite(session.limits.maxSize) ? session.limits.maxSize : 0;
  return {
    reply: keywords(session, ['PIPELINING', `SIZE ${size}`, '8BITMIME', 'ENHANCEDSTATUSCODES', 'HELP']),
    next: 'ready',
  };
}

export function helo(session: SmtpSession, argument: string): Step {
  if (!NAME.test(argument)) return { reply: BAD_NAME };
  greet(session, argument, 'SMTP');
  return { reply: { code: 250, text: session.hostname }, next: 'ready' };
}

function greet(session: SmtpSession, name: string, protocol: 'SMTP' | 'ESMTP'): void {
  session.reset();
  session.helo = name;
  session.protocol = protocol;
}

function keywords(session: SmtpSession, offered: readonly string[]): Reply {
  return { code: 250, text: [session.hostname, ...offered] };
}
