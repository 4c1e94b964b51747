// RSET, NOOP, VRFY, HELP, QUIT (RFC 5321 4.1.1.5 to 4.1.1.10).
import { REPLIES, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';
import { demand } from './demands.ts';

const WHOM = reply(501, '5.5.4', 'Syntax: VRFY address');

export function rset(session: SmtpSession, argument: string): Step {
  if (argument !== '') return { reply: REPLIES.noArguments };
  session.reset();
  return session.helo === '' ? { reply: REPLIES.ok } : { reply: REPLIES.ok, next: 'ready' };
}

export function noop(): Step {
  return { reply: REPLIES.ok };
}

/** With SMTPUTF8 the reply may hold UTF-8 (RFC 6531 3.7.4.2); ours never does. */
export function vrfy(session: SmtpSession, argument: string): Step {
  const missing = demand(session);
  if (missing) return { reply: missing };
  const whom = argument.replace(/(?:^|[ \t]+)SMTPUTF8$/i, '');
  return { reply: whom === '' ? WHOM : REPLIES.vrfy };
}

export function help(): Step {
  return { reply: REPLIES.help };
}

export function quit(_session: SmtpSession, argument: string): Step {
  return argument === '' ? { reply: REPLIES.bye, next: 'closing' } : { reply: REPLIES.noArguments };
}
