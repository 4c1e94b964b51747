// What the linter has found on all connections of a proxy: counted whole, told in part, since a sender that is wrong is
// wrong in every line.
export const CHECKS = [
  'bare-cr',
  'bare-lf',
  'long-line',
  'dot-stuffing',
  'smuggling',
  'plaintext-before-tls',
  'count',
  'pipelining',
  'eight-bit',
  'grammar',
] as const;

export type Check = (typeof CHECKS)[number];

export class LintReport {
  private readonly counts = new Map<Check, number>();

  add(check: Check): void {
    this.counts.set(check, (this.counts.get(check) ?? 0) + 1);
  }

  /** How often each check has found something; those that have not are left out. */
  get findings(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      CHECKS.flatMap((check) => (this.counts.has(check) ? [[check, this.counts.get(check)!]] : [])),
    );
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }
}
