// Takes messages from files into an inbox: reads who they are for, hands them to a target (a running server by SMTP, or
// a database), and says of each that was not taken why. One at a time is read, and none is held.
import { ChatError } from '../../src/errors.ts';
import { Unreachable } from '../upstream/courier.ts';
import { cleanReply } from '../upstream/outcome.ts';
import type { MailFile, Unreadable } from './files.ts';
import { addressesIn, type Head, type HeadField, readHead } from './head.ts';
import type { Submission, Submitter } from './submit.ts';

export interface IngestTarget {
  /**
   * Resolves when the next message may be given. `settled` resolves with null when this one was taken, or with the
   * reason why not. Rejects when no message can be taken any more.
   */
  put(mail: Submission, content: AsyncIterable<Buffer>): Promise<{ readonly settled: Promise<string | null> }>;
  close(): Promise<void>;
}

export interface IngestOptions {
  /** Instead of what the headers say; empty for what they say. */
  readonly to: readonly string[];
  /** Instead of what the file and the headers say. */
  readonly from: string | undefined;
}

export interface IngestReport {
  /** After each message. */
  progress(counts: IngestCounts): void;
  failed(label: string, reason: string): void;
}

export interface IngestCounts {
  taken: number;
  failed: number;
  bytes: number;
}

/** Commits that may be under way: they share their syncs, and one that fails is told by its own name. */
const MAX_UNSETTLED = 64;

const RECIPIENTS: ReadonlySet<string> = new Set(['to', 'cc', 'bcc']);
/** Where a mail names nobody (a list's, a blind copy), what the server that delivered it wrote down. */
const DELIVERED_TO: ReadonlySet<string> = new Set(['x-original-to', 'delivered-to', 'envelope-to', 'x-envelope-to']);
const SENDERS = [new Set(['return-path']), new Set(['sender']), new Set(['from'])] as const;

/** Rejects when the target can take nothing more; what was taken by then stays. */
export async function ingest(
  files: AsyncIterable<MailFile | Unreadable>,
  target: IngestTarget,
  options: IngestOptions,
  report: IngestReport,
): Promise<IngestCounts> {
  const counts: IngestCounts = { taken: 0, failed: 0, bytes: 0 };
  const unsettled = new Set<Promise<void>>();
  const settle = (label: string, reason: string | null): void => {
    if (reason === null) counts.taken++;
    else {
      counts.failed++;
      report.failed(label, cleanReply(reason));
    }
    report.progress(counts);
  };
  for await (const file of files) {
    if ('error' in file) {
      settle(file.label, reasonOf(file.error));
      continue;
    }
    const put = await take(file, target, options, counts);
    if (typeof put === 'string') {
      settle(file.label, put);
      continue;
    }
    const one: Promise<void> = put.settled.then((reason) => {
      unsettled.delete(one);
      settle(file.label, reason);
    });
    unsettled.add(one);
    if (unsettled.size >= MAX_UNSETTLED) await Promise.race(unsettled);
  }
  await Promise.all(unsettled);
  return counts;
}

/** A text when it cannot be given to the target. */
async function take(
  { content, sender }: MailFile,
  target: IngestTarget,
  { to, from }: IngestOptions,
  counts: IngestCounts,
): Promise<string | { settled: Promise<string | null> }> {
  let head: Head;
  try {
    head = await readHead(content);
  } catch (error) {
    return reasonOf(error as Error);
  }
  const recipients = to.length > 0 ? to : recipientsOf(head.fields);
  if (recipients.length === 0) return 'its header names no recipient; say who it is for with --to';
  const isUtf8 = head.block.some((byte) => byte > 127);
  const mail = { sender: from ?? sender ?? senderOf(head.fields), recipients, isUtf8 };
  return target.put(mail, whole(head, counts));
}

async function* whole({ block, rest }: Head, counts: IngestCounts): AsyncGenerator<Buffer, void, undefined> {
  counts.bytes += block.length;
  if (block.length > 0) yield block;
  for await (const piece of rest) {
    counts.bytes += piece.length;
    yield piece;
  }
}

function recipientsOf(fields: readonly HeadField[]): string[] {
  const named = addressesIn(fields, RECIPIENTS);
  return named.length > 0 ? named : addressesIn(fields, DELIVERED_TO);
}

function senderOf(fields: readonly HeadField[]): string {
  for (const names of SENDERS) {
    // `Return-Path: <>` is the null sender, and no reason to look further.
    if (names.has('return-path') && fields.some(({ name, value }) => names.has(name) && value === '<>')) return '';
    const [first] = addressesIn(fields, names);
    if (first !== undefined) return first;
  }
  return '';
}

function reasonOf(error: Error): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'it may not be read';
  return message;
}

/** Into a running server: what it refuses is told, and when it is gone the rest is not tried. */
export function smtpTarget(submitter: Submitter): IngestTarget {
  return {
    put: async (mail, content) => {
      try {
        const outcomes = await submitter.send(mail, content);
        const refused = outcomes.flatMap(({ fate, reply }, i) =>
          fate === 'delivered' ? [] : [`<${mail.recipients[i]}>: ${reply}`],
        );
        return { settled: Promise.resolve(refused.length > 0 ? refused.join('; ') : null) };
      } catch (error) {
        if (error instanceof Unreachable)
          throw new ChatError('TRANSPORT_FAILED', `${submitter.name}: ${error.message}`, {}, error);
        throw error;
      }
    },
    close: async () => submitter.close(),
  };
}
