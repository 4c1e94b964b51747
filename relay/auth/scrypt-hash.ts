// Passwords as scrypt hashes (RFC 7914) in the usual notation: `$scrypt$ln=15,r=8,p=1$salt$hash`, where ln is the
// logarithm of N. One check takes 32 MB and some 80 ms on purpose, on Node's thread pool.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

export interface ScryptHash {
  /** log2 of N. */
  readonly cost: number;
  readonly blockSize: number;
  readonly parallel: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const DEFAULTS = { cost: 15, blockSize: 8, parallel: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** What one check may take: a line of the users file should not be able to take the machine. */
const MAX_MEMORY = 256 * 1024 * 1024;

export async function makeScryptHash(password: string): Promise<ScryptHash> {
  const plan = { ...DEFAULTS, salt: randomBytes(SALT_BYTES), hash: Buffer.alloc(HASH_BYTES) };
  return { ...plan, hash: await derive(password, plan) };
}

export async function matchesScrypt(password: string, known: ScryptHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, known), known.hash);
}

export function formatScrypt({ cost, blockSize, parallel, salt, hash }: ScryptHash): string {
  return `$scrypt$ln=${cost},r=${blockSize},p=${parallel}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** Null when it is no such hash, or one whose cost is out of all proportion. */
export function parseScrypt(text: string): ScryptHash | null {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,2})\$([\w+/]+)=*\$([\w+/]+)=*$/.exec(text);
  if (!match) return null;
  const [cost, blockSize, parallel] = match.slice(1, 4).map(Number) as [number, number, number];
  const [salt, hash] = match.slice(4).map((part) => Buffer.from(part, 'base64')) as [Buffer, Buffer];
  const isSound = cost >= 10 && blockSize >= 1 && parallel >= 1 && salt.length >= 8 && hash.length >= 16;
  if (!isSound || memory(cost, blockSize) * parallel > MAX_MEMORY || hash.length > 64) return null;
  return { cost, blockSize, parallel, salt, hash };
}

function memory(cost: number, blockSize: number): number {
  return 128 * 2 ** cost * blockSize;
}

function derive(password: string, plan: ScryptHash): Promise<Buffer> {
  const { cost, blockSize, parallel, salt, hash } = plan;
  // Node counts a little more than the algorithm's own memory.
  const maxmem = memory(cost, blockSize) + 1024 * 1024 * (parallel + 1);
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, { N: 2 ** cost, r: blockSize, p: parallel, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
