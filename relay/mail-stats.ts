// What a mail server counts while it works: cheap to add to on the hot path, read when somebody asks for metrics.
import { ProtocolStats } from '../src/stats.ts';

/** Seconds: upper bounds of the buckets in which commits are counted. A sync takes 0.1 ms to some 100 ms. */
const COMMIT_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5] as const;

/** Counts in buckets, as Prometheus wants them: `counts[i]` holds what was at most `bounds[i]`, the last one the rest. */
export class Histogram {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    this.sum += value;
    let i = 0;
    while (i < this.bounds.length && value > this.bounds[i]!) i++;
    this.counts[i]!++;
  }
}

export class MailStats extends ProtocolStats {
  /** Messages that were answered 250, and their bytes. */
  accepted = 0;
  acceptedBytes = 0;
  /** Replies that refused something, by code: 550 -> 3. */
  readonly refusals = new Map<number, number>();
  /** Recipients tried, by upstream and outcome: `smtp://a:25 deferred` -> 7. */
  readonly attempts = new Map<string, number>();
  /** How long commits took, sync included, and how many writes shared them. */
  readonly commits = new Histogram(COMMIT_BOUNDS);
  committedWrites = 0;

  messageAccepted(bytes: number): void {
    this.accepted++;
    this.acceptedBytes += bytes;
  }

  refused(code: number): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  attempted(upstream: string, outcome: string): void {
    const key = `${upstream} ${outcome}`;
    this.attempts.set(key, (this.attempts.get(key) ?? 0) + 1);
  }

  committed(ms: number, writes: number): void {
    this.commits.observe(ms / 1000);
    this.committedWrites += writes;
  }
}
