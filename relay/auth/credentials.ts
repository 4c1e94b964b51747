// What is kept of one user's password, as the text behind the name in `name:...`: hashes that say what they are, with
// colons between them. A password that stands there itself, or its SHA-1 as htpasswd writes it, is for sinks only.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { ChatError } from '../../src/errors.ts';
import { HMAC_MD5_STATE_BYTES, type HmacMd5State, hmacMd5State } from './hmac-md5.ts';
import { saslprep } from './saslprep.ts';
import { formatScram, makeScramVerifier, matchesScram, parseScram, type ScramVerifier } from './scram-verifier.ts';
import { formatScrypt, makeScryptHash, matchesScrypt, parseScrypt, type ScryptHash } from './scrypt-hash.ts';

export interface Credentials {
  readonly scrypt: ScryptHash | null;
  readonly scram: ScramVerifier | null;
  readonly cramMd5: HmacMd5State | null;
  /** The SHA-1 of the password, and the password itself; null where passwords are kept as they should be. */
  readonly sha1: Buffer | null;
  readonly plain: string | null;
}

const NOTHING: Credentials = { scrypt: null, scram: null, cramMd5: null, sha1: null, plain: null };
const CRAM_MD5 = '$cram-md5$';
const SHA1 = '{SHA}';

/** The text to keep. Throws BAD_OPTION for a password that cannot be typed everywhere (RFC 4013), or is empty. */
export async function makeCredentials(
  password: string,
  also: { readonly scram: boolean; readonly cramMd5: boolean },
): Promise<string> {
  const prepared = saslprep(password);
  if (prepared === null || prepared === '') {
    const why = prepared === '' ? 'is empty' : 'holds control characters or others that may not be in one';
    throw new ChatError('BAD_OPTION', `the password ${why}`);
  }
  const fields = [formatScrypt(await makeScryptHash(prepared))];
  if (also.scram) fields.push(formatScram(await makeScramVerifier(prepared)));
  if (also.cramMd5) fields.push(CRAM_MD5 + hmacMd5State(Buffer.from(prepared)).toString('base64'));
  return fields.join(':');
}

/** Reads it. Throws BAD_OPTION, without the text: it is a secret. */
export function parseCredentials(text: string): Credentials {
  if (text === '') throw new ChatError('BAD_OPTION', 'there is no password behind the name');
  if (text.startsWith(SHA1)) {
    const sha1 = Buffer.from(text.slice(SHA1.length), 'base64');
    if (sha1.length !== 20) throw new ChatError('BAD_OPTION', 'the {SHA} behind the name is not 20 bytes in base64');
    return { ...NOTHING, sha1 };
  }
  if (!text.startsWith('$')) {
    const plain = saslprep(text);
    if (plain === null) throw new ChatError('BAD_OPTION', 'the password behind the name holds forbidden characters');
    return { ...NOTHING, plain, cramMd5: hmacMd5State(Buffer.from(plain)) };
  }
  return Object.assign({ ...NOTHING }, ...text.split(':').map(parseField));
}

function parseField(field: string): Partial<Credentials> {
  const scrypt = parseScrypt(field);
  if (scrypt) return { scrypt };
  const scram = parseScram(field);
  if (scram) return { scram };
  if (field.startsWith(CRAM_MD5)) {
    const cramMd5 = Buffer.from(field.slice(CRAM_MD5.length), 'base64');
    if (cramMd5.length === HMAC_MD5_STATE_BYTES) return { cramMd5 };
  }
  const kind = /^\$([\w-]{1,20})\$/.exec(field)?.[1];
  throw new ChatError(
    'BAD_OPTION',
    `a hash ${kind === undefined ? '' : `of the kind "${kind}" `}behind the name is not understood: ` +
      'expected what lonedot user add writes ($scrypt$..., $scram-sha-256$..., $cram-md5$...)',
  );
}

/** Whether the file that it stands in is as good as the passwords themselves. */
export function isWeak({ plain, sha1 }: Credentials): boolean {
  return plain !== null || sha1 !== null;
}

/** Whether a prepared password is the one. Takes as long for a wrong one as for the right one. */
export async function matches(password: string, known: Credentials): Promise<boolean> {
  if (known.scrypt) return matchesScrypt(password, known.scrypt);
  if (known.sha1) return timingSafeEqual(digest('sha1', password), known.sha1);
  if (known.plain !== null) return timingSafeEqual(digest('sha256', password), digest('sha256', known.plain));
  return known.scram ? matchesScram(password, known.scram) : false;
}

/** Credentials that take the same work as these to check, and that nothing matches. */
export function decoy(like: Credentials): Credentials {
  const scrypt = like.scrypt && { ...like.scrypt, hash: randomBytes(like.scrypt.hash.length) };
  const scram = like.scram && { ...like.scram, storedKey: randomBytes(32) };
  const plain = like.plain === null ? null : randomBytes(16).toString('hex');
  return { scrypt, scram, plain, cramMd5: null, sha1: like.sha1 && randomBytes(20) };
}

function digest(algorithm: string, text: string): Buffer {
  return createHash(algorithm).update(text).digest();
}
