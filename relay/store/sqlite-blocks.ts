// Blocks of memory for streamed content, used again and again. Each goes to the database thread and comes back with the
// answer. Left to the garbage collectors of two threads instead, a long message would hold some 100 MB of blocks that
// are done with, since memory outside their heaps gives them little reason to hurry, and what went to another thread is
// found only by a full collection: those would cost more than taking the message in.

import { PIECE_BYTES } from './sqlite-protocol.ts';

/** What may lie unused while content comes in, 10 MB: as much as ten long messages at a time have on their way. */
const MAX_SPARE = 160;
/** What lies unused for so long is let go. */
const REST_MS = 5_000;

export class BlockPool {
  #spare: ArrayBuffer[] = [];
  #isUsed = false;
  #timer: NodeJS.Timeout | null = null;

  take(): Buffer {
    this.#isUsed = true;
    const block = this.#spare.pop();
    return block ? Buffer.from(block) : allocateBlock(PIECE_BYTES);
  }

  giveBack(block: ArrayBuffer): void {
    if (block.byteLength !== PIECE_BYTES || this.#spare.length >= MAX_SPARE) return;
    this.#spare.push(block);
    this.#timer ??= setInterval(() => this.#look(), REST_MS).unref();
  }

  #look(): void {
    if (this.#isUsed) {
      this.#isUsed = false;
      return;
    }
    this.#spare = [];
    clearInterval(this.#timer!);
    this.#timer = null;
  }
}

/** Slow means unpooled: the memory of an ordinary small Buffer is shared with others and must not be given away. */
export function allocateBlock(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes);
}
