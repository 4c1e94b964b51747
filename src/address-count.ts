// How many connections each client address has, for the limit per address. Remembers only addresses that have some.
import { isIP } from 'node:net';

export class AddressCount {
  readonly #counts = new Map<string, number>();

  /** Counts one more from this address unless it has `limit` already. What is no IP address (a unix peer) is free. */
  take(address: string, limit: number): boolean {
    if (isIP(address) === 0) return true;
    const count = this.#counts.get(address) ?? 0;
    if (count >= limit) return false;
    this.#counts.set(address, count + 1);
    return true;
  }

  /** Ends what one `take` that said true began. */
  release(address: string): void {
    const left = (this.#counts.get(address) ?? 0) - 1;
    if (left > 0) this.#counts.set(address, left);
    else this.#counts.delete(address);
  }
}
