// The difference of two texts, line by line: the shortest way from one to the other (Myers 1986), in bounded time and
// memory. Where they differ too much for that, the differing middle is told as replaced.

export type DiffLine =
  | { readonly kind: 'same' | 'removed' | 'added'; readonly text: string }
  /** So many lines that are the same are left out here. */
  | { readonly kind: 'skipped'; readonly lines: number };

/** Of each text; what stands behind is not compared. */
export const MAX_LINES = 20_000;
/** Lines that differ; the memory needed is the square of it. */
const MAX_EDITS = 1500;
const CONTEXT = 3;

export function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  const [a, b] = [before.slice(0, MAX_LINES), after.slice(0, MAX_LINES)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const same = (text: string): DiffLine => ({ kind: 'same', text });
  return [
    ...a.slice(0, start).map(same),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ];
}

/** Without the lines that are the same, but for a few around each difference; empty when there is none. */
export function onlyChanges(lines: readonly DiffLine[]): DiffLine[] {
  const isNear = new Array<boolean>(lines.length).fill(false);
  for (const [place, { kind }] of lines.entries()) {
    if (kind !== 'same') isNear.fill(true, Math.max(0, place - CONTEXT), place + CONTEXT + 1);
  }
  if (!isNear.includes(true)) return [];
  const shown: DiffLine[] = [];
  let skipped = 0;
  const skip = () => {
    if (skipped > 0) shown.push({ kind: 'skipped', lines: skipped });
    skipped = 0;
  };
  for (const [place, line] of lines.entries()) {
    if (isNear[place]) {
      skip();
      shown.push(line);
    } else skipped++;
  }
  skip();
  return shown;
}

function middle(a: readonly string[], b: readonly string[]): DiffLine[] {
  const trace = shortestWay(a, b);
  if (trace === null) {
    return [
      ...a.map((text): DiffLine => ({ kind: 'removed', text })),
      ...b.map((text): DiffLine => ({ kind: 'added', text })),
    ];
  }
  const lines: DiffLine[] = [];
  let [x, y] = [a.length, b.length];
  for (let d = trace.length - 1; d >= 0; d--) {
    const reach = trace[d]!;
    const at = (diagonal: number) => reach[diagonal + d + 1] ?? -1;
    const diagonal = x - y;
    const isDown = diagonal === -d || (diagonal !== d && at(diagonal - 1) < at(diagonal + 1));
    const from = isDown ? diagonal + 1 : diagonal - 1;
    const fromX = d === 0 ? 0 : at(from);
    const fromY = d === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY && x > 0 && y > 0 && a[x - 1] === b[y - 1]) {
      lines.push({ kind: 'same', text: a[x - 1]! });
      x--;
      y--;
    }
    if (d === 0) break;
    lines.push(isDown ? { kind: 'added', text: b[y - 1]! } : { kind: 'removed', text: a[x - 1]! });
    [x, y] = [fromX, fromY];
  }
  return lines.reverse();
}

/** For each number of edits, how far each diagonal had come before it (at diagonal + d + 1); null beyond MAX_EDITS. */
function shortestWay(a: readonly string[], b: readonly string[]): Int32Array[] | null {
  const most = Math.min(a.length + b.length, MAX_EDITS);
  const size = 2 * most + 3;
  const middle = most + 1;
  const reach = new Int32Array(size);
  const trace: Int32Array[] = [];
  for (let d = 0; d <= most; d++) {
    trace.push(reach.slice(middle - d - 1, middle + d + 2));
    for (let diagonal = -d; diagonal <= d; diagonal += 2) {
      const isDown =
        diagonal === -d || (diagonal !== d && reach[middle + diagonal - 1]! < reach[middle + diagonal + 1]!);
      let x = isDown ? reach[middle + diagonal + 1]! : reach[middle + diagonal - 1]! + 1;
      let y = x - diagonal;
      while (x < a.length && y < b.length && a[x] === b[y]) {
        x++;
        y++;
      }
      reach[middle + diagonal] = x;
      if (x >= a.length && y >= b.length) return trace;
    }
  }
  return null;
}
