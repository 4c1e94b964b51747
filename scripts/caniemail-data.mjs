// Makes relay/inbox/checks/caniemail-data.ts of the dev package `caniemail`: which mail programs support which parts of
// HTML and CSS, one feature a line. `caniemail-data.mjs --check` only tells whether the file is what would be made.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const TARGET = new URL('../relay/inbox/checks/caniemail-data.ts', import.meta.url);

const { version } = require('caniemail/package.json');
const { data, nicenames, last_update_date: updated } = require('caniemail/caniemail.json');
const license = readFileSync(new URL('../node_modules/caniemail/LICENSE', import.meta.url), 'utf8');

const clients = [];
/** `2:2019-10 n,2021 y #1`: the number of the client, and what its versions do. */
const statsOf = (feature) =>
  Object.entries(feature.stats).flatMap(([family, platforms]) =>
    Object.entries(platforms).map(([platform, versions]) => {
      const client = `${family} ${platform}`;
      if (!clients.includes(client)) clients.push(client);
      const results = Object.entries(versions).map(([name, support]) => `${name} ${support}`);
      return `${clients.indexOf(client)}:${results.join(',')}`;
    }),
  );

const features = data
  .filter(({ category }) => category !== 'others')
  .map((feature) => {
    const { slug, title, description, category, tags, keywords, notes_by_num: notes } = feature;
    const stats = statsOf(feature).join(';');
    return JSON.stringify([
      slug,
      title.trim(),
      description ?? '',
      category,
      tags ?? [],
      keywords ?? '',
      stats,
      notes ?? {},
    ]);
  });

const quoted = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const list = (texts) => `[\n${texts.map((text) => `  ${quoted(text)},`).join('\n')}\n]`;
const key = (name) => (/^[a-z]\w*$/.test(name) ? name : quoted(name));
const record = (names) =>
  `{\n${Object.entries(names)
    .map(([name, text]) => `  ${key(name)}: ${quoted(text)},`)
    .join('\n')}\n}`;
const text = `// What mail programs show of HTML and CSS. Made by scripts/caniemail-data.mjs: do not edit.
//
// Data of https://www.caniemail.com of ${updated.slice(0, 10)}, by way of the package caniemail ${version}:
//
${license
  .trim()
  .split('\n')
  .map((line) => `// ${line}`.trimEnd())
  .join('\n')}

/** Each line is JSON: slug, title, description, category, tags, keywords, statistics, notes by their numbers. */
export const FEATURES: readonly string[] = ${list(features)};

/** Family and platform, by the numbers that the statistics use. */
export const CLIENTS: readonly string[] = ${list(clients)};

export const FAMILIES: Readonly<Record<string, string>> = ${record(nicenames.family)};

export const PLATFORMS: Readonly<Record<string, string>> = ${record(nicenames.platform)};
`;

if (process.argv.includes('--check')) {
  if (readFileSync(TARGET, 'utf8') !== text) {
    console.error('relay/inbox/checks/caniemail-data.ts is not what node scripts/caniemail-data.mjs makes.');
    process.exitCode = 1;
  }
} else {
  writeFileSync(TARGET, text);
  console.log(`${features.length} features, ${text.length} bytes`);
}
