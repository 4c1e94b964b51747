// Whether files have changed, asked when it matters (a handshake, a login) instead of being told: the system's
// notifications miss files on network mounts and those that are replaced by a rename, as certificates mostly are.
import { statSync } from 'node:fs';
import { type Clock, realClock } from './clock.ts';

const LOOK_EVERY_MS = 1000;

export class FileWatch {
  private readonly paths: readonly string[];
  private readonly clock: Clock;
  private seen: string;
  private lookedAt: number;

  /** What the files are now counts as seen. */
  constructor(paths: readonly string[], clock: Clock = realClock) {
    this.paths = paths;
    this.clock = clock;
    this.seen = this.look();
    this.lookedAt = clock.now();
  }

  /** True once for each change. Looks once a second at most; in between it says no. */
  hasChanged(): boolean {
    const now = this.clock.now();
    if (Math.abs(now - this.lookedAt) < LOOK_EVERY_MS) return false;
    this.lookedAt = now;
    const seen = this.look();
    if (seen === this.seen) return false;
    this.seen = seen;
    return true;
  }

  /** The next question is answered by a look, however soon it comes. */
  lookSoon(): void {
    this.lookedAt = Number.NEGATIVE_INFINITY;
  }

  private look(): string {
    return this.paths.map(fingerprint).join();
  }
}

function fingerprint(path: string): string {
  // With a bigint the time is exact: two writes within a millisecond differ.
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}` : 'missing';
}
