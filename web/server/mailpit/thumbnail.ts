// The thumbnail of what is no picture: 180 x 120 white pixels as a JPEG (ITU T.81), written here because all that such
// a picture needs of the format is one block, repeated. Its Huffman tables hold only the codes that are used.

const WIDTH = 180;
const HEIGHT = 120;
const BLOCK = 8;
/** The mean of a block is stored less 128 and times 8: 127 * 8 = 1016, which is 4 steps of 254. */
const STEP = 254;

export const BLANK_THUMBNAIL: Uint8Array = blank();

function blank(): Uint8Array {
  const blocks = Math.ceil(WIDTH / BLOCK) * Math.ceil(HEIGHT / BLOCK);
  // The first block says "3 bits follow" (1 0), 4 (100), "no more" (0); the others "no change" (0), "no more" (0).
  const bits = `101000${'00'.repeat(blocks - 1)}`;
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  const scan = padded.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2));
  return Buffer.concat([
    Buffer.of(0xff, 0xd8),
    segment(0xe0, [...Buffer.from('JFIF\0'), 1, 1, 0, 0, 1, 0, 1, 0, 0]),
    segment(0xdb, [0, ...new Array<number>(64).fill(STEP)]),
    segment(0xc0, [8, 0, HEIGHT, 0, WIDTH, 1, 1, 0x11, 0]),
    // Lengths 1 and 2 have one code each: "no change" is 0, "3 bits follow" is 10.
    segment(0xc4, [0x00, 1, 1, ...new Array<number>(14).fill(0), 0, 3]),
    segment(0xc4, [0x10, 1, ...new Array<number>(15).fill(0), 0]),
    segment(0xda, [1, 1, 0x00, 0, 63, 0]),
    Buffer.from(scan),
    Buffer.of(0xff, 0xd9),
  ]);
}

function segment(marker: number, bytes: readonly number[]): Buffer {
  const length = bytes.length + 2;
  return Buffer.of(0xff, marker, length >> 8, length & 0xff, ...bytes);
}
