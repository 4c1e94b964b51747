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

/**
 * The same for several figures at once: `run` answers an object of them. Contestants that are null take no part. The
 * figures of one contestant are found as `results.get(name).figure.median`.
 */
export async function interleaveAll(contestants, { rounds = 7, warmUps = 2 } = {}) {
  const present = contestants.filter((one) => one !== null);
  const records = new Map(present.map((one) => [one.name, []]));
  for (let round = -warmUps; round < rounds; round++) {
    for (const one of present) {
      const record = await one.run(round);
      if (round >= 0) records.get(one.name).push(record);
    }
  }
  return new Map([...records].map(([name, all]) => [name, spreads(all)]));
}

function spreads(records) {
  const spread = (figure) => {
    const all = records.map((record) => record[figure]);
    return { median: median(all), min: Math.min(...all), max: Math.max(...all) };
  };
  return Object.fromEntries(Object.keys(records[0]).map((figure) => [figure, spread(figure)]));
}

/** Prints medians, one column a figure: `columns` has figure, heading, digits. */
export function figures(title, results, columns) {
  const rows = [
    ['', ...columns.map(([, heading]) => heading)],
    ...[...results].map(([name, r]) => [
      name,
      ...columns.map(([figure, , digits]) => {
        const { median: middle, min, max } = r[figure];
        return `${middle.toFixed(digits)} (${min.toFixed(digits)}..${max.toFixed(digits)})`;
      }),
    ]),
  ];
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  console.log(`\n## ${title}`);
  for (const row of rows)
    console.log(row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  '));
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

/** A figure that has a target of its own, in its unit. */
export function limit(label, value, target, unit, better = 'less') {
  const met = better === 'more' ? value >= target : value <= target;
  const line = `${label}: ${value.toFixed(1)} ${unit} (target ${better === 'more' ? '>=' : '<='} ${target}) ${met ? 'met' : 'MISSED'}`;
  verdicts.push(line);
  console.log(line);
}

/** A word for the summary; what was said before is not said again. */
export function note(line) {
  if (verdicts.includes(line)) return;
  verdicts.push(line);
  console.log(line);
}

export function summary() {
  console.log('\n## Ratios');
  for (const line of verdicts) console.log(line);
}
