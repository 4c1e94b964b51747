// XFORWARD (Postfix's XFORWARD_README): a content filter tells whose mail it passes on. For the log only: unlike XCLIENT
// it gives no rights, and it holds for the next message.
import { parseAttributes } from '../attributes.ts';
import { REPLIES, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';

const ATTRIBUTES = ['NAME', 'ADDR', 'PORT', 'PROTO', 'HELO', 'IDENT', 'SOURCE'] as const;
const SYNTAX = reply(501, '5.5.4', `Syntax: XFORWARD attribute=value, with ${ATTRIBUTES.join(', ')}`);

export function xforward(session: SmtpSession, argument: string): Step {
  if (!mayForward(session)) return { reply: REPLIES.notTrusted };
  const given = parseAttributes(argument, ATTRIBUTES);
  if (given === null) return { reply: SYNTAX };
  // Long lists come in several commands.
  session.envelope.forwarded = new Map([...(session.envelope.forwarded ?? []), ...given]);
  return { reply: REPLIES.ok };
}

export function xforwardKeywords(session: SmtpSession): string[] {
  return mayForward(session) ? [`XFORWARD ${ATTRIBUTES.join(' ')}`] : [];
}

/** Asked of the client as XCLIENT may have changed it: one that a proxy speaks for is no content filter. */
function mayForward({ client, context }: SmtpSession): boolean {
  return context.xforwardFrom.matches(client.address);
}
