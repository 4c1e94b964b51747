// HMAC-MD5 from a state that was computed before (RFC 2104 section 4), which is what CRAM-MD5 needs on the server: with
// it the password itself need not be kept. node:crypto cannot continue a hash from a state, so the compression function
// of MD5 (RFC 1321) stands here. Whoever steals such a state can log in by CRAM-MD5, and guesses at it are cheap.
import { createHash } from 'node:crypto';

/** MD5 behind the first block of the inner and of the outer hash: 16 bytes each. */
export type HmacMd5State = Buffer;

export const HMAC_MD5_STATE_BYTES = 32;
const BLOCK_BYTES = 64;

const SHIFTS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
] as const;
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));

export function hmacMd5State(key: Buffer): HmacMd5State {
  const short = key.length > BLOCK_BYTES ? createHash('md5').update(key).digest() : key;
  const padded = Buffer.alloc(BLOCK_BYTES);
  short.copy(padded);
  return Buffer.concat(
    [0x36, 0x5c].map((pad) =>
      stateBytes(
        compress(
          START,
          padded.map((byte) => byte ^ pad),
        ),
      ),
    ),
  );
}

/** HMAC-MD5 of the message under the key that the state was made of. */
export function hmacMd5(state: HmacMd5State, message: Buffer): Buffer {
  const inner = finish(state.subarray(0, 16), message);
  return finish(state.subarray(16, 32), inner);
}

const START = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);

/** The rest of a hash of which one block is done. */
function finish(state: Buffer, rest: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(BLOCK_BYTES + rest.length) * 8n);
  const zeros = (BLOCK_BYTES * 2 - 9 - (rest.length % BLOCK_BYTES)) % BLOCK_BYTES;
  const padded = Buffer.concat([rest, Buffer.of(0x80), Buffer.alloc(zeros), length]);
  let words = Int32Array.from({ length: 4 }, (_, i) => state.readInt32LE(i * 4));
  for (let at = 0; at < padded.length; at += BLOCK_BYTES)
    words = compress(words, padded.subarray(at, at + BLOCK_BYTES));
  return stateBytes(words);
}

function compress(state: Int32Array, block: Uint8Array): Int32Array<ArrayBuffer> {
  const view = new DataView(block.buffer, block.byteOffset, BLOCK_BYTES);
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    const [mixed, word] =
      round === 0
        ? [(b & c) | (~b & d), i]
        : round === 1
          ? [(d & b) | (~d & c), (5 * i + 1) % 16]
          : round === 2
            ? [b ^ c ^ d, (3 * i + 5) % 16]
            : [c ^ (b | ~d), (7 * i) % 16];
    const sum = (a + mixed + SINES[i]! + view.getInt32(word * 4, true)) | 0;
    const shift = SHIFTS[round]![i % 4]!;
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
  }
  return Int32Array.of(state[0]! + a, state[1]! + b, state[2]! + c, state[3]! + d);
}

function stateBytes(words: Int32Array): Buffer {
  const bytes = Buffer.alloc(16);
  for (const [i, word] of words.entries()) bytes.writeInt32LE(word, i * 4);
  return bytes;
}
