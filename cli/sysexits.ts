// The exit codes that programs which call sendmail know (sysexits.h), and which failure has which.
import type { Outcome } from '../relay/upstream/outcome.ts';
import { ChatError, type ErrorCode } from '../src/errors.ts';

export const EX = {
  ok: 0,
  usage: 64,
  dataErr: 65,
  noHost: 68,
  unavailable: 69,
  software: 70,
  tempFail: 75,
  noPerm: 77,
} as const;

/** The user's mistakes; all other errors of ours may be gone the next time. */
const USAGE: ReadonlySet<ErrorCode> = new Set(['BAD_OPTION', 'BAD_ADDRESS']);
/** What nodemailer calls them. */
const BY_CODE: Readonly<Record<string, number>> = {
  EDNS: EX.noHost,
  EAUTH: EX.noPerm,
  ENOAUTH: EX.noPerm,
  EHEADER: EX.dataErr,
};

export function sysexitOf(error: unknown): number {
  if (error instanceof ChatError) return USAGE.has(error.code) ? EX.usage : EX.tempFail;
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string' || code.startsWith('ERR_')) return EX.software;
  return BY_CODE[code] ?? EX.tempFail;
}

/** For what became of the recipients: the worst of them, where refused for good is worse than refused for now. */
export function sysexitOfOutcomes(outcomes: readonly Outcome[]): number {
  if (outcomes.some(({ fate }) => fate === 'failed')) return EX.unavailable;
  return outcomes.every(({ fate }) => fate === 'delivered') ? EX.ok : EX.tempFail;
}
