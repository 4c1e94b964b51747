// XCLIENT (Postfix's XCLIENT_README): a trusted proxy says for whom it speaks, and the session begins anew as that
// client's. From then on trust is asked of that client: a proxy that passes its words on must not lend it its own.
import { parseAttributes } from '../attributes.ts';
import { REPLIES, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';

const ATTRIBUTES = ['NAME', 'ADDR', 'PORT', 'PROTO', 'HELO', 'LOGIN', 'DESTADDR', 'DESTPORT'] as const;
const SYNTAX = reply(501, '5.5.4', `Syntax: XCLIENT attribute=value, with ${ATTRIBUTES.join(', ')}`);

export function xclient(session: SmtpSession, argument: string): Step {
  if (!mayActForOthers(session)) return { reply: REPLIES.notTrusted };
  const given = parseAttributes(argument, ATTRIBUTES);
  if (given === null) return { reply: SYNTAX };
  const { client } = session;
  session.forget();
  // A client of another address is another client: what is not told of it is not known.
  const before = given.has('ADDR') ? { address: '', port: 0, name: '', helo: null, protocol: null } : client;
  const told = (attribute: string, otherwise: string | null): string | null =>
    given.has(attribute) ? given.get(attribute)! : otherwise;
  session.client = {
    address: told('ADDR', before.address) ?? UNKNOWN,
    port: Number(told('PORT', String(before.port)) ?? 0),
    name: told('NAME', before.name) ?? '',
    helo: told('HELO', before.helo),
    protocol: told('PROTO', before.protocol),
  };
  session.user = given.get('LOGIN') ?? '';
  return { reply: session.greeting, next: 'connected' };
}

/** An address that no list of trusted clients holds: '' would be a client on a unix socket. */
const UNKNOWN = 'unknown';

export function xclientKeywords(session: SmtpSession): string[] {
  return mayActForOthers(session) ? [`XCLIENT ${ATTRIBUTES.join(' ')}`] : [];
}

function mayActForOthers({ client, context }: SmtpSession): boolean {
  return context.xclientFrom.matches(client.address);
}
