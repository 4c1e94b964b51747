// AUTH (RFC 4954): lines and base64 around a SASL exchange. What the bytes in them mean is known in relay/auth/.
import { AUTH_REPLIES, MAX_AUTH_LINE, type SaslClient, type SaslStep } from '../../auth/sasl.ts';
import { REPLIES, type Reply, reply } from '../replies.ts';
import type { SmtpSession, Step } from '../session-view.ts';

const SYNTAX = reply(501, '5.5.4', 'Syntax: AUTH mechanism [initial-response]');
const BAD_BASE64 = reply(501, '5.5.2', 'That is not base64');
const CANCELLED = reply(501, '5.7.0', 'Authentication cancelled');
const ONCE = reply(503, '5.5.1', 'You have logged in already');
const DONE = reply(235, '2.7.0', 'Authentication successful');

/** `AUTH mechanism [initial-response]` in the state `ready`. */
export function auth(session: SmtpSession, argument: string): Step | Promise<Step> {
  const { auth: authenticator } = session.context;
  // RFC 4954 section 3: it is an extension, and one that HELO does not offer.
  if (authenticator === null || authenticator.isDormant || session.protocol === 'SMTP')
    return { reply: REPLIES.notImplemented };
  if (session.user !== '') return { reply: ONCE };
  const match = /^([A-Za-z\d_-]{1,20})(?: ([^ ]+))?$/.exec(argument);
  if (!match) return { reply: SYNTAX };
  if (match[2] !== undefined && match[2].length > MAX_AUTH_LINE) return { reply: REPLIES.authLineTooLong };
  const exchange = authenticator.begin(match[1]!.toUpperCase(), saslClient(session));
  if ('code' in exchange) return { reply: exchange };
  // "=" is a response of no bytes, which is not the same as none.
  const initial = match[2] === undefined ? null : match[2] === '=' ? Buffer.alloc(0) : fromBase64(match[2]);
  if (match[2] !== undefined && initial === null) return { reply: BAD_BASE64 };
  session.authExchange = exchange;
  return advance(session, initial);
}

/** A line in the state `auth`. */
export function authLine(session: SmtpSession, line: string): Step | Promise<Step> {
  if (line === '*') return end(session, CANCELLED);
  const response = fromBase64(line);
  return response === null ? end(session, BAD_BASE64) : advance(session, response);
}

/** What the EHLO reply says about it: `AUTH PLAIN LOGIN`, or nothing. */
export function authKeywords(session: SmtpSession): string[] {
  if (session.user !== '') return [];
  const mechanisms = session.context.auth?.mechanisms(saslClient(session)) ?? [];
  return mechanisms.length === 0 ? [] : [`AUTH ${mechanisms.join(' ')}`];
}

async function advance(session: SmtpSession, response: Buffer | null): Promise<Step> {
  const { authExchange: exchange } = session;
  if (exchange === null) throw new Error('a response to no exchange');
  let step: SaslStep;
  try {
    step = await exchange.respond(response);
  } catch (error) {
    session.context.log.error('auth.broken', { error: (error as Error).message });
    return end(session, AUTH_REPLIES.busy);
  }
  if ('challenge' in step) return { reply: { code: 334, text: step.challenge.toString('base64') }, next: 'auth' };
  if ('refused' in step) return end(session, step.refused);
  session.user = step.user;
  return end(session, DONE);
}

function end(session: SmtpSession, answer: Reply): Step {
  session.authExchange = null;
  return { reply: answer, next: 'ready' };
}

function saslClient({ client, tls }: SmtpSession): SaslClient {
  return { address: client.address, isTls: tls !== null, certificate: tls?.clientCertificate ?? '' };
}

/** Null for anything that is not base64 as RFC 4648 writes it: blanks, other alphabets, missing padding. */
export function fromBase64(text: string): Buffer | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z\d+/]*={0,2}$/.test(text)) return null;
  return Buffer.from(text, 'base64');
}
