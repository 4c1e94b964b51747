// Blocks of memory for streamed content, used again and again. Each goes to the database thread and comes back with the
// answer. Left to the garbage collectors of two threads instead, a long message would hold some 100 MB of blocks that
// are done with, since memory outside their heaps gives them little reason to hurry.

import { PIECE_BYTES } from './sqlite-protocol.ts';

/** What may lie unused: 1 MB. */
const MAX_SPARE = 16;

export class BlockPool {
  readonly #spare: ArrayBuffer[] = [];

  take(): Buffer {
    const block = this.#spare.pop();
    return block ? Buffer.from(block) : allocateBlock(PIECE_BYTES);
  }

  giveBack(block: ArrayBuffer): void {
    if (block.byteLength === PIECE_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(block);
  }
}

/** Slow means unpooled: the memory of an ordinary small Buffer is shared with others and must not be given away. */
export function allocateBlock(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes);
}
