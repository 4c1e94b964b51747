// What this server demands before it takes a mail: TLS (RFC 3207 section 4), a login (RFC 4954 section 6).
import { type Reply, reply } from '../replies.ts';
import type { SmtpSession } from '../session-view.ts';

const TLS_FIRST = reply(530, '5.7.0', 'Must issue a STARTTLS command first');
const LOGIN_FIRST = reply(530, '5.7.0', 'Authentication required');

/** The refusal, or null when everything is as it should be. */
export function demand({ context: { policy }, tls, user }: SmtpSession): Reply | null {
  if (policy.requireTls && tls === null) return TLS_FIRST;
  return policy.requireAuth && user === '' ? LOGIN_FIRST : null;
}
