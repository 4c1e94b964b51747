// EXTERNAL (RFC 4422 appendix A): TLS has shown who the client is, by a certificate that was checked, and it only says
// that it wants to be taken for that.
import { AUTH_REPLIES, isUserName, type SaslExchange, saslText } from './sasl.ts';

/** `subject`: the common name in the certificate. */
export function external(subject: string): SaslExchange {
  return {
    respond: (response) => {
      if (response === null) return { challenge: Buffer.alloc(0) };
      const authorise = saslText(response);
      if (authorise === null || !isUserName(subject)) return { refused: AUTH_REPLIES.syntax };
      const isSame = authorise === '' || authorise === subject;
      return isSame ? { user: subject } : { refused: AUTH_REPLIES.failed, claimed: authorise };
    },
  };
}
