// PLAIN (RFC 4616) and LOGIN: the password itself comes over the wire, so both belong under TLS.
import { AUTH_REPLIES, isUserName, type SaslExchange, type SaslStep, saslText } from './sasl.ts';

/** Tells the user's name when the password is right; null when it is not; 'busy' when it could not be checked now. */
export type PasswordCheck = (name: string, password: string) => Promise<string | null | 'busy'>;

/** `[authzid] NUL authcid NUL password`, at once or behind an empty challenge. */
export function plain(check: PasswordCheck): SaslExchange {
  return {
    respond: (response) => {
      if (response === null) return { challenge: Buffer.alloc(0) };
      const parts = saslText(response)?.split('\0');
      if (parts?.length !== 3) return { refused: AUTH_REPLIES.syntax };
      const [authorise, name, password] = parts as [string, string, string];
      if (!isUserName(name)) return { refused: AUTH_REPLIES.syntax };
      // Nobody may act for somebody else here.
      if (authorise !== '' && authorise !== name) return { refused: AUTH_REPLIES.failed, claimed: name };
      return answer(check, name, password);
    },
  };
}

/** Asked for name and password one after the other; no RFC, but what many old clients speak. */
export function login(check: PasswordCheck): SaslExchange {
  let name: string | null = null;
  return {
    respond: (response) => {
      if (response === null) return { challenge: Buffer.from('Username:') };
      const text = saslText(response);
      if (name === null) {
        if (text === null || !isUserName(text)) return { refused: AUTH_REPLIES.syntax };
        name = text;
        return { challenge: Buffer.from('Password:') };
      }
      return text === null ? { refused: AUTH_REPLIES.syntax, claimed: name } : answer(check, name, text);
    },
  };
}

async function answer(check: PasswordCheck, name: string, password: string): Promise<SaslStep> {
  const user = await check(name, password);
  if (user === 'busy') return { refused: AUTH_REPLIES.busy };
  return user === null ? { refused: AUTH_REPLIES.failed, claimed: name } : { user };
}
