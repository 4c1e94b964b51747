// Logging in to POP3: USER and PASS, and AUTH (RFC 5034) with the mechanisms that SMTP has. Who may, relay/auth/ knows;
// what they see, their namespace says.
import type { SaslExchange, SaslStep } from '../auth/sasl.ts';
import type { Scope } from '../inbox/inbox.ts';
import { fromBase64 } from '../smtp/commands/auth.ts';
import type { Reply } from '../smtp/replies.ts';
import { listed } from './blocks.ts';
import type { Pop3View, Step } from './context.ts';
import { Maildrop } from './maildrop.ts';

const SYNTAX: Step = { reply: '-ERR write AUTH, a mechanism, and perhaps a first response', next: 'authorization' };
const BAD_BASE64: Step = { reply: '-ERR that is not base64', next: 'authorization' };

export function user(session: Pop3View, argument: string): Step {
  if (argument === '') return { reply: '-ERR write USER and a name' };
  const { context, isTls, clientAddress } = session;
  if (context.auth.mechanisms({ address: clientAddress, isTls, certificate: '' }).length === 0)
    return { reply: '-ERR send STLS first: names and passwords are taken under TLS only' };
  session.name = argument;
  return { reply: '+OK and the password?' };
}

/** PASS: the rest of the line, blanks and all. */
export function login(session: Pop3View, argument: string): Promise<Step> | Step {
  const { name } = session;
  session.name = '';
  if (name === '') return { reply: '-ERR send USER first' };
  const exchange = begin(session, 'PLAIN');
  if ('code' in exchange) return refusal(exchange);
  return advance(session, exchange, Buffer.from(`\0${name}\0${argument}`, 'latin1'));
}

export function sasl(session: Pop3View, argument: string): Promise<Step> | Step {
  if (argument === '') {
    const { context, isTls, clientAddress } = session;
    return { reply: listed('+OK', context.auth.mechanisms({ address: clientAddress, isTls, certificate: '' })) };
  }
  const match = /^([A-Za-z\d_-]{1,20})(?: ([^ ]+))?$/.exec(argument);
  if (!match) return SYNTAX;
  const exchange = begin(session, match[1]!.toUpperCase());
  if ('code' in exchange) return refusal(exchange);
  if (match[2] === undefined) return advance(session, exchange, null);
  const response = match[2] === '=' ? Buffer.alloc(0) : fromBase64(match[2]);
  return response === null ? BAD_BASE64 : advance(session, exchange, response);
}

/** A line in the state `sasl`. */
export function saslLine(session: Pop3View, line: string): Promise<Step> | Step {
  const { exchange } = session;
  session.exchange = null;
  if (line === '*' || exchange === null) return { reply: '-ERR given up', next: 'authorization' };
  const response = fromBase64(line);
  return response === null ? BAD_BASE64 : advance(session, exchange, response);
}

function begin({ context, isTls, clientAddress }: Pop3View, mechanism: string): SaslExchange | Reply {
  return context.auth.begin(mechanism, { address: clientAddress, isTls, certificate: '' });
}

async function advance(session: Pop3View, exchange: SaslExchange, response: Buffer | null): Promise<Step> {
  const { context } = session;
  let step: SaslStep;
  try {
    step = await exchange.respond(response);
    if ('challenge' in step) {
      session.exchange = exchange;
      return { reply: `+ ${step.challenge.toString('base64')}`, next: 'sasl' };
    }
    if ('refused' in step) return refusal(step.refused);
    session.drop = await Maildrop.open(context.inbox, await scopeOf(session, step.user), context.mails);
  } catch (error) {
    context.log.error('pop3.login_failed', { error: (error as Error).message });
    return { reply: '-ERR [SYS/TEMP] the inbox cannot be read now', next: 'authorization' };
  }
  const { messages, octets } = session.drop.totals();
  return { reply: `+OK ${messages} messages, ${octets} octets`, next: 'transaction' };
}

/** Whoever is a namespace's user, or is called as it is, sees that part; everybody else all of the inbox. */
async function scopeOf({ context }: Pop3View, name: string): Promise<Scope> {
  const own = (await context.inbox.namespaces()).find((one) => one.name === name || one.users.includes(name));
  return own ? { namespace: own.name } : {};
}

/** The words of an SMTP reply with POP3's code in front of them (RFC 2449 8, RFC 3206). */
function refusal({ code, text }: Reply): Step {
  const why = code === 535 ? '[AUTH] ' : code === 454 ? '[SYS/TEMP] ' : '';
  const words = code === 538 ? 'Encryption required for authentication; send STLS first' : String(text);
  return { reply: `-ERR ${why}${words}`, next: 'authorization' };
}
