// An upstream as users write it: smtp://user:password@host:587?tls=require. Parsed once; what is logged or shown is
// `name`, which holds no secret.
import { ChatError } from '../src/errors.ts';

/** `require`: STARTTLS with a checked certificate, or no mail. `opportunistic`: encrypt when offered, check nothing. */
export type UpstreamTls = 'require' | 'opportunistic' | 'none';

export interface Upstream {
  /** `smtp://host:port`, for logs and attempts. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (smtps). */
  readonly implicitTls: boolean;
  readonly tls: UpstreamTls;
  readonly auth: { readonly user: string; readonly pass: string } | null;
}

const TLS_CHOICES: readonly string[] = ['require', 'opportunistic', 'none'];

/** Throws ChatError BAD_OPTION with one line that repeats no password. */
export function parseUpstream(text: string): Upstream {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw bad('not a URL');
  }
  const implicitTls = url.protocol === 'smtps:';
  if (!implicitTls && url.protocol !== 'smtp:') throw bad('the scheme must be smtp or smtps');
  if (url.hostname === '') throw bad('the host is missing');
  if ((url.pathname !== '' && url.pathname !== '/') || url.hash !== '') throw bad('a path means nothing here');
  for (const key of url.searchParams.keys()) if (key !== 'tls') throw bad(`unknown parameter ${key}, known is: tls`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (implicitTls ? 465 : 25) : Number(url.port);
  const auth = url.username === '' ? null : { user: decode(url.username), pass: decode(url.password) };
  // A password never leaves in the clear unless that was asked for.
  const tls = url.searchParams.get('tls') ?? (auth ? 'require' : 'opportunistic');
  if (!TLS_CHOICES.includes(tls)) throw bad(`tls is one of ${TLS_CHOICES.join(', ')}`);
  const name = `${url.protocol}//${url.hostname}:${port}`;
  return { name, host, port, implicitTls, tls: tls as UpstreamTls, auth };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw bad('a % in user or password must be written %25');
  }
}

function bad(why: string): ChatError {
  return new ChatError(
    'BAD_OPTION',
    `bad upstream: ${why}; expected smtp[s]://[user:password@]host[:port][?tls=require|opportunistic|none]`,
  );
}
