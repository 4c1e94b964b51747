// STARTTLS (RFC 3207). The session makes the change when the reply is out: it forgets everything it was told before,
// and what the client sent behind the command goes into TLS, where it fails the handshake, never to the parser.
import { REPLIES, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';

const GO_AHEAD = reply(220, '2.0.0', 'Ready to start TLS');
const TLS_ALREADY = reply(503, '5.5.1', 'This connection is under TLS already');

export function starttls(session: SmtpSession, argument: string): Step {
  if (argument !== '') return { reply: REPLIES.noArguments };
  if (session.tls !== null) return { reply: TLS_ALREADY };
  if (session.context.tls === null) return { reply: REPLIES.notImplemented };
  return { reply: GO_AHEAD, upgrade: 'tls' };
}

export function starttlsKeywords({ tls, context }: SmtpSession): string[] {
  return tls === null && context.tls !== null ? ['STARTTLS'] : [];
}
