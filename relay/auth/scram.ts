// SCRAM-SHA-256 (RFC 5802, RFC 7677): both sides prove that they know the password, and neither sends it. Channel
// binding (-PLUS) is not offered, so a client that insists on it is refused.
//
//   C: n,,n=user,r=CLIENT                   S: r=CLIENT+SERVER,s=salt,i=iterations
//   C: c=biws,r=CLIENT+SERVER,p=proof       S: v=signature        C: (empty)
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { AUTH_REPLIES, isUserName, type SaslExchange, type SaslStep, saslText } from './sasl.ts';
import { saslprep } from './saslprep.ts';
import { hmac, SCRAM_KEY_BYTES, type ScramVerifier, sha256 } from './scram-verifier.ts';

/** The user's name as it is kept, and the verifier; a verifier of nobody for a user that does not exist. */
export type ScramLookup = (name: string) => Promise<{ readonly user: string | null; readonly verifier: ScramVerifier }>;

/** What the client opened with. */
interface Opening {
  readonly gs2: string;
  readonly bare: string;
  readonly name: string;
  readonly nonce: string;
}

const SYNTAX: SaslStep = { refused: AUTH_REPLIES.syntax };

/** `ours` is the server's part of the nonce; tests give that of the RFC's example. */
export function scramSha256(lookup: ScramLookup, ours = randomBytes(18).toString('base64')): SaslExchange {
  let next = opening;

  async function opening(text: string): Promise<SaslStep> {
    const client = parseOpening(text);
    if (client === null) return SYNTAX;
    if (client === 'other-user') return { refused: AUTH_REPLIES.failed };
    const { user, verifier } = await lookup(client.name);
    const nonce = client.nonce + ours;
    const challenge = `r=${nonce},s=${verifier.salt.toString('base64')},i=${verifier.iterations}`;
    next = async (final) => proof(final, client, { user, verifier, nonce, challenge });
    return { challenge: Buffer.from(challenge) };
  }

  function proof(text: string, client: Opening, server: Server): SaslStep {
    const match = /^(c=([A-Za-z\d+/=]+),r=([^,]+)(?:,[^,]+)*),p=([A-Za-z\d+/=]+)$/.exec(text);
    const given = Buffer.from(match?.[4] ?? '', 'base64');
    if (!match || given.length !== SCRAM_KEY_BYTES) return { ...SYNTAX, claimed: client.name };
    const [, withoutProof, binding, nonce] = match;
    const isSame = binding === Buffer.from(client.gs2).toString('base64') && nonce === server.nonce;
    const { storedKey, serverKey } = server.verifier;
    const said = `${client.bare},${server.challenge},${withoutProof}`;
    const key = hmac(storedKey, said).map((byte, i) => byte ^ given[i]!);
    const isProven = timingSafeEqual(sha256(Buffer.from(key)), storedKey);
    const { user } = server;
    if (!isSame || !isProven || user === null) return { refused: AUTH_REPLIES.failed, claimed: client.name };
    // RFC 4954 section 4: what a server has to say with its success goes as a challenge, and is answered by nothing.
    next = async (last) => (last === '' ? { user } : SYNTAX);
    return { challenge: Buffer.from(`v=${hmac(serverKey, said).toString('base64')}`) };
  }

  return {
    respond: async (response) => {
      if (response === null) return { challenge: Buffer.alloc(0) };
      const text = saslText(response);
      return text === null ? SYNTAX : next(text);
    },
  };
}

interface Server {
  readonly user: string | null;
  readonly verifier: ScramVerifier;
  readonly nonce: string;
  readonly challenge: string;
}

function parseOpening(text: string): Opening | 'other-user' | null {
  // `y`: the client could bind to the channel, and has seen that we do not offer it. `m=` is for extensions.
  const match = /^([ny],(?:a=([^,]*))?,)(n=([^,]+),r=([!-+\x2d-~]+)(?:,.*)?)$/s.exec(text);
  if (!match) return null;
  const [, gs2 = '', authorise, bare = '', escaped = '', nonce = ''] = match;
  const name = unescapeName(escaped);
  if (name === null || !isUserName(name)) return null;
  if (authorise && unescapeName(authorise) !== name) return 'other-user';
  return { gs2, bare, name, nonce };
}

/** `=2C` and `=3D` stand for a comma and an equals sign; others are none. */
function unescapeName(text: string): string | null {
  if (/=(?!2C|3D)/.test(text)) return null;
  return saslprep(text.replaceAll('=2C', ',').replaceAll('=3D', '='));
}
