// "Did you mean": the known name that is nearest to a mistyped one. Used only where something is refused.

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** The most similar of `known`, or undefined when none is similar enough to be what was meant. */
export function nearest(given: string, known: Iterable<string>): string | undefined {
  // Spelling conventions are no difference: max-recipients, max_recipients and maxRecipients are one name.
  const plain = (name: string) => name.slice(0, 64).toLowerCase().replaceAll(/[-_]/g, '');
  const wanted = plain(given);
  let best: string | undefined;
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const name of known) {
    const d = distance(wanted, plain(name));
    if (d < least) [best, least] = [name, d];
  }
  return best;
}
