// Lint of a mail's bytes: lines and what must not be in them (RFC 5322 2.1.1, 2.3; RFC 5321 2.3.8).
import type { LintContext } from './lint.ts';

const MAX_LINE = 998;
const MB = 1024 * 1024;
const LF = 10;
const CR = 13;

export function lintLines({ bytes, root, report }: LintContext): void {
  let line = 1;
  let start = 0;
  // The next of each from where we are: looked for only when it is passed.
  let nul = bytes.indexOf(0);
  let cr = bytes.indexOf(CR);
  while (start < bytes.length) {
    const found = bytes.indexOf(LF, start);
    const end = found === -1 ? bytes.length : found;
    const isCrLf = found > start && bytes[found - 1] === CR;
    const where = `line ${line}`;
    const length = end - start - (isCrLf ? 1 : 0);
    if (length > MAX_LINE) {
      const part = start < root.header.bodyStart ? 'header' : 'body';
      report(
        'error',
        'long-line',
        where,
        'RFC 5322 2.1.1',
        `a line of the ${part} has ${length} bytes; ${MAX_LINE} are allowed`,
      );
    }
    if (found !== -1 && !isCrLf) report('error', 'bare-lf', where, 'RFC 5322 2.3', 'a line ends with LF without CR');
    if (cr !== -1 && cr < start) cr = bytes.indexOf(CR, start);
    if (cr !== -1 && cr < start + length)
      report('error', 'bare-cr', where, 'RFC 5322 2.3', 'a CR stands in the middle of a line');
    if (nul !== -1 && nul < end) {
      report('error', 'nul', where, 'RFC 5322 2.2', 'a NUL byte is in the line');
      nul = bytes.indexOf(0, end);
    }
    start = end + 1;
    line++;
  }
  if (bytes.length > 25 * MB)
    report(
      'warning',
      'huge',
      'mail',
      '',
      `the mail has ${megabytes(bytes.length)} MB; most servers refuse more than 10 to 25`,
    );
  else if (bytes.length > 10 * MB)
    report('info', 'large', 'mail', '', `the mail has ${megabytes(bytes.length)} MB; some servers refuse more than 10`);
}

function megabytes(bytes: number): string {
  return (bytes / MB).toFixed(1);
}
