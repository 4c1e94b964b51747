// Failed logins by address: each one is answered a little later than the one before, and when they are too many the
// address has to wait. A leaky bucket: one failure is forgiven every half minute, so whoever is locked out gets in
// again by itself, and who guesses on gets one guess in that time. Memory is bounded by forgetting the oldest address.
import { isIPv6 } from 'node:net';
import { type Clock, realClock } from '../../src/clock.ts';
import { ipv6ToBytes } from '../../src/ipv6.ts';

const FORGIVE_ONE_MS = 30_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5000;
const MAX_ADDRESSES = 10_000;

interface Bucket {
  failures: number;
  /** When `failures` was right. */
  at: number;
}

export class AuthFailures {
  private readonly buckets = new Map<string, Bucket>();
  private readonly limit: number;
  private readonly clock: Clock;

  /** `limit`: failures after which an address is locked out; Infinity never does. */
  constructor(limit: number, clock: Clock = realClock) {
    this.limit = limit;
    this.clock = clock;
  }

  isLockedOut(address: string): boolean {
    // A part of one that is forgiven does not help: the bucket would leak at once.
    return Math.ceil(this.level(keyOf(address))) >= this.limit;
  }

  /** Counts one; tells how many milliseconds the answer should wait. */
  add(address: string): number {
    const key = keyOf(address);
    const failures = this.level(key) + 1;
    // Set anew, so that the map stays in the order of the last failure.
    this.buckets.delete(key);
    this.buckets.set(key, { failures, at: this.clock.steady() });
    if (this.buckets.size > MAX_ADDRESSES) this.buckets.delete(this.buckets.keys().next().value!);
    return Math.min(FIRST_DELAY_MS * 2 ** Math.floor(failures - 1), LONGEST_DELAY_MS);
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.buckets.size;
  }

  private level(key: string): number {
    const bucket = this.buckets.get(key);
    if (bucket === undefined) return 0;
    const forgiven = (this.clock.steady() - bucket.at) / FORGIVE_ONE_MS;
    if (bucket.failures > forgiven) return bucket.failures - forgiven;
    this.buckets.delete(key);
    return 0;
  }
}

/** An IPv6 client has a whole /64 to come from. */
function keyOf(address: string): string {
  const [bare = ''] = address.split('%', 1);
  return isIPv6(bare) ? ipv6ToBytes(bare).toString('hex', 0, 8) : address;
}
