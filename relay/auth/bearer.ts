// OAUTHBEARER (RFC 7628) and XOAUTH2, which is older and differs in its first words: the client shows an access token,
// and somebody else knows what it is worth.
import { AUTH_REPLIES, isUserName, type SaslExchange, type SaslStep, saslText } from './sasl.ts';
import { saslprep } from './saslprep.ts';

/**
 * Tells whose token it is, null if it is worth nothing. `claimed` is the user that the client says it is, '' for none.
 * A rejection means that it could not be found out now: the client is told to come back (454).
 */
export type TokenCheck = (token: string, claimed: string) => Promise<string | null>;

const SEPARATOR = '\x01';
const TOKEN = /^Bearer +([A-Za-z\d\-._~+/]+=*) *$/i;
const FAILURE = Buffer.from('{"status":"invalid_token","schemes":"bearer"}');

/** `n,a=user,^Ahost=mx.example^Aport=587^Aauth=Bearer token^A^A` */
export function oauthBearer(check: TokenCheck): SaslExchange {
  return bearer(check, (head) => {
    const match = /^[ny],(?:a=([^,]*))?,$/.exec(head);
    return match && (match[1] ?? '').replaceAll('=2C', ',').replaceAll('=3D', '=');
  });
}

/** `user=name^Aauth=Bearer token^A^A` */
export function xoauth2(check: TokenCheck): SaslExchange {
  return bearer(check, (head) => (head.startsWith('user=') ? head.slice(5) : null));
}

/** The user in the first part of the message; null when it is no such part. */
type Reader = (head: string) => string | null;

function bearer(check: TokenCheck, read: Reader): SaslExchange {
  let refusal: SaslStep | null = null;
  return {
    respond: async (response) => {
      if (response === null) return { challenge: Buffer.alloc(0) };
      // Whatever the client says to the explanation, it is over.
      if (refusal !== null) return refusal;
      const [head = '', ...pairs] = (saslText(response) ?? '').split(SEPARATOR);
      const name = read(head);
      // Both forms end with two separators.
      if (name === null || pairs.length < 3 || pairs.splice(-2).join('') !== '')
        return { refused: AUTH_REPLIES.syntax };
      const claimed = saslprep(name);
      if (claimed === null || (claimed !== '' && !isUserName(claimed))) return { refused: AUTH_REPLIES.syntax };
      let user: string | null;
      try {
        const token = TOKEN.exec(pairs.find((pair) => /^auth=/i.test(pair))?.slice(5) ?? '')?.[1];
        user = token === undefined ? null : await check(token, claimed);
      } catch {
        return { refused: AUTH_REPLIES.busy, claimed };
      }
      if (user !== null && isUserName(user) && (claimed === '' || claimed === user)) return { user };
      refusal = { refused: AUTH_REPLIES.failed, claimed };
      return { challenge: FAILURE };
    },
  };
}
