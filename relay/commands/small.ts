// RSET, NOOP, VRFY, HELP, QUIT (RFC 5321 4.1.1.5 to 4.1.1.10).
import { REPLIES, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';

const WHOM = reply(501, '5.5.4', 'Syntax: VRFY address');

export function rset(session: SmtpSession, argument: string): Step {
  if (argument !== '') return { reply: REPLIES.noArguments };
  session.reset();
  return session.helo === '' ? { reply: REPLIES.ok } : { reply: REPLIES.ok, next: 'ready' };
}

export function noop(): Step {
  return { reply: REPLIES.ok };
}

export function vrfy(_session: SmtpSession, argument: string): Step {
  return { reply: argument === '' ? WHOM : REPLIES.vrfy };
}

export function help(): Step {
  return { reply: REPLIES.help };
}

export function quit(_session: SmtpSession, argument: string): Step {
  return argument === '' ? { reply: REPLIES.bye, next: 'closing' } : { reply: REPLIES.noArguments };
}
