// Asks an authorisation server what an access token is worth (RFC 7662): one POST for each login. Loaded only where
// --oauth-introspect is given. Nothing is kept: a token that was revoked is worth nothing at the next login.
import type { Log } from '../../src/log.ts';
import type { TokenCheck } from './bearer.ts';

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 65_536;

/** A check that asks `url`; user and password in it go as Basic authorisation. Its failures are logged. */
export function introspection(url: URL, log: Log, timeoutMs = TIMEOUT_MS): TokenCheck {
  const endpoint = new URL(url);
  endpoint.username = '';
  endpoint.password = '';
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const headers = {
    accept: 'application/json',
    ...(pair === ':' ? {} : { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }),
  };
  return async (token) => {
    try {
      const answer = await fetch(endpoint, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      return userOf(JSON.parse(await bounded(answer)));
    } catch (error) {
      const { message, cause } = error as Error;
      const why = cause instanceof Error ? `${message}: ${cause.message}` : message;
      log.error('auth.introspection_failed', { endpoint: endpoint.origin, error: why });
      throw error;
    }
  };
}

async function bounded(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > MAX_ANSWER_BYTES) throw new Error('its answer is too long');
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** RFC 7662 section 2.2: only `active` must be there; who it is stands in `username`, or else in `sub`. */
function userOf(answer: unknown): string | null {
  const { active, username, sub, exp } = (answer ?? {}) as Record<string, unknown>;
  if (active !== true) return null;
  if (typeof exp === 'number' && exp * 1000 <= Date.now()) return null;
  const user = username ?? sub;
  return typeof user === 'string' ? user : null;
}
