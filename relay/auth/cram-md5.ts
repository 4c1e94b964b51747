// CRAM-MD5 (RFC 2195): the client shows that it knows the password by an HMAC over a challenge. Better than PLAIN on a
// line without TLS, worse than everything else: see hmac-md5.ts for what the server has to keep.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { type HmacMd5State, hmacMd5 } from './hmac-md5.ts';
import { AUTH_REPLIES, isUserName, type SaslExchange, saslText } from './sasl.ts';

/** The user's name as it is kept, and the state; a state of nobody for a user that does not exist. */
export type HmacLookup = (name: string) => { readonly user: string | null; readonly state: HmacMd5State };

export function cramMd5(lookup: HmacLookup, hostname: string): SaslExchange {
  // A challenge that comes twice could be answered with what was heard the first time.
  const challenge = Buffer.from(`<${randomBytes(16).toString('hex')}.${Date.now()}@${hostname}>`);
  let isSent = false;
  return {
    respond: (response) => {
      if (!isSent) {
        // The server speaks first here: there is nothing that could come along with AUTH.
        if (response !== null) return { refused: AUTH_REPLIES.syntax };
        isSent = true;
        return { challenge };
      }
      // The last blank separates: a name may hold others.
      const match = /^(.+) ([\da-f]{32})$/is.exec(saslText(response ?? Buffer.alloc(0)) ?? '');
      const name = match?.[1] ?? '';
      if (!match || !isUserName(name)) return { refused: AUTH_REPLIES.syntax };
      const { user, state } = lookup(name);
      const fits = timingSafeEqual(hmacMd5(state, challenge), Buffer.from(match[2]!, 'hex'));
      return fits && user !== null ? { user } : { refused: AUTH_REPLIES.failed, claimed: name };
    },
  };
}
