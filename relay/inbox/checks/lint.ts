// What is wrong with a mail by the letter of the RFCs, or would make it arrive badly: for people who write programs that
// send mail. Each finding says what, where, and which rule.
import type { MimeEntity } from '../mime-tree.ts';
import { readTree } from '../mime-tree.ts';
import { lintAuthentication } from './lint-authentication.ts';
import { lintHeader } from './lint-header.ts';
import { lintLines } from './lint-lines.ts';
import { lintParts } from './lint-parts.ts';

/** `error`: a rule is broken; `warning`: it is allowed but will hurt; `info`: worth knowing. */
export type Level = 'error' | 'warning' | 'info';

export interface Finding {
  readonly level: Level;
  /** A stable name, `no-date`. */
  readonly code: string;
  /** One line. */
  readonly text: string;
  /** `header`, `Date`, `line 17`, `part 1.2`. */
  readonly where: string;
  /** `RFC 5322 3.6.1`; '' for what is only custom. */
  readonly rule: string;
}

/** `where` may be a function when it takes time to find out. */
export type Report = (level: Level, code: string, where: string | (() => string), rule: string, text: string) => void;

export interface LintContext {
  readonly bytes: Buffer;
  readonly root: MimeEntity;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly report: Report;
}

/** Of each kind; the last of them says how many more there are. */
const MAX_OF_KIND = 5;
const LEVELS: readonly Level[] = ['error', 'warning', 'info'];

/** Worst first, and in the order of the mail. Never throws. */
export function lintMail(bytes: Uint8Array, { now }: { readonly now: number }): Finding[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const findings = new Map<string, Finding[]>();
  const more = new Map<string, number>();
  const report: Report = (level, code, where, rule, text) => {
    const same = findings.get(code) ?? [];
    if (same.length >= MAX_OF_KIND) more.set(code, (more.get(code) ?? 0) + 1);
    else findings.set(code, [...same, { level, code, text, where: typeof where === 'string' ? where : where(), rule }]);
  };
  const context: LintContext = { bytes: buffer, root: readTree(buffer), now, report };
  for (const lint of [lintHeader, lintLines, lintParts, lintAuthentication]) lint(context);
  for (const [code, times] of more) {
    const same = findings.get(code)!;
    const last = same.at(-1)!;
    findings.set(code, [...same.slice(0, -1), { ...last, text: `${last.text} (and ${times} more of these)` }]);
  }
  return [...findings.values()].flat().sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}
