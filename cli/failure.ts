// What a failure looks like: one clear line, an exit code, and a stack only for those who asked for details.
import type { ErrorCode } from '../src/errors.ts';
import { ChatError } from '../src/errors.ts';
import { renderJson } from '../src/log.ts';
import { escapeControls, maskUrls } from '../src/redact.ts';
import type { Manner } from './options.ts';

/** The codes that mean: the user wrote something wrong. */
const USAGE: ReadonlySet<ErrorCode> = new Set(['BAD_OPTION', 'BAD_ADDRESS', 'BAD_SEARCH']);

/** 2 for wrong usage, 1 for everything else. */
export function exitCodeOf(error: unknown): 1 | 2 {
  return error instanceof ChatError && USAGE.has(error.code) ? 2 : 1;
}

/** The line for stderr, with its newline; with --verbose the stack follows. */
export function describeFailure(error: unknown, manner: Manner): string {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  const text = isBug(error) ? `this is a bug in lonedot: ${message}` : message;
  const line = escapeControls(maskUrls(text.replaceAll(/\s*\n\s*/g, ' ')));
  const details = manner.level === 'debug' && stack !== undefined ? maskUrls(stack) : undefined;
  if (manner.format === 'json') {
    const fields = { message: line, ...(details === undefined ? {} : { stack: details }) };
    return `${renderJson({ time: new Date().toISOString(), level: 'error', event: 'program.failed', fields })}\n`;
  }
  return `lonedot: ${line}\n${details === undefined ? '' : `${details}\n`}`;
}

/** Whether an error is nobody's doing but the program's: neither one of ours nor one of the system's (ENOENT ...). */
export function isBug(error: unknown): boolean {
  if (error instanceof ChatError) return false;
  const { code } = error as { code?: unknown };
  return typeof code !== 'string' || code.startsWith('ERR_');
}
