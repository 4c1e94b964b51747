// What a server keeps of a password for SCRAM-SHA-256 (RFC 5802, RFC 7677): enough to check a proof, not enough to make
// one. `$scram-sha-256$i=100000$salt$storedKey$serverKey`, each in base64.
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';

export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

// The client pays for these at each login; guessing at a stolen file costs as much a guess.
const ITERATIONS = 100_000;
/** RFC 7677 section 4. */
const MIN_ITERATIONS = 4096;
const MAX_ITERATIONS = 10_000_000;
export const SCRAM_KEY_BYTES = 32;

export async function makeScramVerifier(password: string, iterations = ITERATIONS): Promise<ScramVerifier> {
  return derive(password, randomBytes(16), iterations);
}

/** Whether a password that came in the clear is the one that the verifier was made of. */
export async function matchesScram(password: string, known: ScramVerifier): Promise<boolean> {
  const { storedKey } = await derive(password, known.salt, known.iterations);
  return timingSafeEqual(storedKey, known.storedKey);
}

/** A verifier for a user that does not exist: the same salt each time it is asked for, and no proof that fits. */
export function decoyVerifier(name: string, key: Buffer, iterations = ITERATIONS): ScramVerifier {
  const salt = hmac(key, name).subarray(0, 16);
  return { iterations, salt, storedKey: randomBytes(SCRAM_KEY_BYTES), serverKey: randomBytes(SCRAM_KEY_BYTES) };
}

export function formatScram({ iterations, salt, storedKey, serverKey }: ScramVerifier): string {
  const parts = [salt, storedKey, serverKey].map((bytes) => bytes.toString('base64'));
  return `$scram-sha-256$i=${iterations}$${parts.join('$')}`;
}

/** Null when it is no such verifier. */
export function parseScram(text: string): ScramVerifier | null {
  const match = /^\$scram-sha-256\$i=(\d{1,8})\$([\w+/]+=*)\$([\w+/]+=*)\$([\w+/]+=*)$/.exec(text);
  if (!match) return null;
  const iterations = Number(match[1]);
  const [salt, storedKey, serverKey] = match.slice(2).map((part) => Buffer.from(part, 'base64')) as Buffer[];
  if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS || salt!.length < 8) return null;
  if (storedKey!.length !== SCRAM_KEY_BYTES || serverKey!.length !== SCRAM_KEY_BYTES) return null;
  return { iterations, salt: salt!, storedKey: storedKey!, serverKey: serverKey! };
}

export function hmac(key: Buffer, message: string): Buffer {
  return createHmac('sha256', key).update(message).digest();
}

export function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function derive(password: string, salt: Buffer, iterations: number): Promise<ScramVerifier> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, SCRAM_KEY_BYTES, 'sha256', (error, salted) => {
      if (error) return reject(error);
      const storedKey = sha256(hmac(salted, 'Client Key'));
      resolve({ iterations, salt, storedKey, serverKey: hmac(salted, 'Server Key') });
    });
  });
}
