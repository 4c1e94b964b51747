// Interleaved rounds, medians, ratios: what every script here shares. Contestants take turns (A, B, C, A, B, C ...),
// so that whatever else the machine does meets all of them; only ratios of one run mean anything.
export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** Runs each contestant `rounds` times in turn after `warmUps` unmeasured ones; `run` answers the figure. */
export async function interleave(contestants, { rounds = 7, warmUps = 2 } = {}) {
  const figures = new Map(contestants.map((one) => [one.name, []]));
  for (let round = -warmUps; round < rounds; round++) {
    for (const one of contestants) {
      const figure = await one.run();
      if (round >= 0) figures.get(one.name).push(figure);
    }
  }
  return new Map(
    [...figures].map(([name, all]) => [name, { median: median(all), min: Math.min(...all), max: Math.max(...all) }]),
  );
}

/** Prints a table: each contestant's median, spread and unit. */
export function table(title, results, unit, digits = 1) {
  const rows = [...results].map(([name, r]) => [
    name,
    r.median.toFixed(digits),
    `${r.min.toFixed(digits)}..${r.max.toFixed(digits)}`,
  ]);
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log(`\n## ${title} (${unit}, median, min..max)`);
  for (const [name, middle, spread] of rows) console.log(`${name.padEnd(width)}  ${middle.padStart(10)}  ${spread}`);
}

const verdicts = [];

/** Prints a ratio beside its target and remembers it for the summary. `better`: which way is good. */
export function ratio(label, value, target, better = 'more') {
  const met = better === 'more' ? value >= target : value <= target;
  const line = `${label}: ${value.toFixed(2)}x (target ${better === 'more' ? '>=' : '<='} ${target}x) ${met ? 'met' : 'MISSED'}`;
  verdicts.push(line);
  console.log(line);
}

export function note(line) {
  verdicts.push(line);
  console.log(line);
}

export function summary() {
  console.log('\n## Ratios');
  for (const line of verdicts) console.log(line);
}
