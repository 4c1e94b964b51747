// Every row of the corpus has a test that carries its name, and a place in the table of docs/smtp.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

// Compiled tests run from another directory; sources, fixtures and documents stay where they are.
const ROOT = import.meta.dirname.replace(/([\\/])(?:build[\\/])?test[\\/]relay[\\/]corpus$/, '');

/** The last number of each section, and the numbers that the corpus leaves out. */
const SECTIONS: Readonly<Record<string, readonly [last: number, missing: readonly number[]]>> = {
  E: [29, [28]],
  C: [31, [27, 28]],
  S: [17, [9]],
  T: [16, [2, 5, 16]],
  B: [17, [7, 14]],
  R: [2, []],
};

function rowsOf(section: string): string[] {
  const [last, missing] = SECTIONS[section]!;
  return Array.from({ length: last }, (_, i) => i + 1)
    .filter((number) => !missing.includes(number))
    .map((number) => `${section}${number}`);
}

function textsOf(folder: string, pattern: RegExp): string {
  const files = readdirSync(join(ROOT, folder)).filter((name) => pattern.test(name) && name !== 'rows.test.ts');
  return files.map((name) => readFileSync(join(ROOT, folder, name), 'utf8')).join('\n');
}

/** `E3-E15`, `R3-R10` in full. */
function unfolded(text: string): string {
  return text.replace(/\b([A-Z])(\d+)-\1(\d+)\b/g, (_, letter: string, from: string, to: string) =>
    Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => `${letter}${Number(from) + i}`).join(' '),
  );
}

describe('the corpus', () => {
  const tests = textsOf('test/relay/corpus', /\.test\.ts$/) + textsOf('test/e2e', /\.test\.ts$/);
  const dialogues = textsOf('test/transcripts', /\.txt$/);
  const document = readFileSync(join(ROOT, 'docs/smtp.md'), 'utf8');
  const table = unfolded(document.slice(document.indexOf('## Behaviour')));
  const has = (text: string, row: string): boolean => new RegExp(`\\b${row}\\b`).test(text);

  for (const section of Object.keys(SECTIONS)) {
    it(`has a test for each row of ${section}`, () => {
      const titles = tests.replace(/^\s*\/\/.*$/gm, '');
      const isTested = (row: string): boolean => has(titles, row) || has(dialogues, row);
      expect(rowsOf(section).filter((row) => !isTested(row))).to.deep.equal([]);
    });

    it(`has a line in docs/smtp.md for each row of ${section}`, () => {
      expect(rowsOf(section).filter((row) => !has(table, row))).to.deep.equal([]);
    });
  }

  it('names options in docs/smtp.md that exist', () => {
    const schema = readFileSync(join(ROOT, 'config.schema.json'), 'utf8');
    const named = [...new Set([...document.matchAll(/`--([a-z-]+)/g)].map(([, name]) => name!))];
    const key = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    expect(named.length).to.be.greaterThan(20);
    expect(named.filter((name) => !schema.includes(`"${key(name)}"`))).to.deep.equal([]);
  });
});
