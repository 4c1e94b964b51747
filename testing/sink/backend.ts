// What a sink must be able to do for the test library: in this process (in-process.ts) or over HTTP (over-http.ts).
// Everything that tests see is made of these few questions, so that both answer alike.
import type { FaultRule } from '../../relay/faults/fault-rule.ts';
import type { FaultRuleView } from '../../relay/faults/fault-rules.ts';
import type { InboxSummary } from '../../relay/inbox/inbox.ts';
import type { TranscriptLine } from '../../relay/inbox/transcript.ts';
import type { MailData } from './mail.ts';

/** What is looked at of a mail before it is read whole. */
export type Listed = Omit<InboxSummary, 'receivedAt'>;

export interface NextAsk {
  readonly namespace: string | undefined;
  /** In the search language; '' for everything. */
  readonly query: string;
  /** The seq behind which to look. */
  readonly after: number;
  /** Milliseconds to wait while there is nothing; 0 looks once. */
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface NamespaceAsk {
  /** Made up when it is absent. */
  readonly name?: string;
  /** `30m`, `24h`, `7d` or `never`, after which it and its mail are removed. Default: 24h. */
  readonly ttl?: string;
}

export interface NamespaceData {
  readonly name: string;
  /** With one star: mail to it belongs to the namespace, whatever stands there. */
  readonly addressPattern: string;
  readonly user: string;
  readonly password: string;
}

/** A rule as it is added: sizes and times may be texts with a unit, `true` is `before`. */
export type FaultFields = Pick<FaultRule, 'phase'> & {
  readonly [K in keyof Omit<FaultRule, 'phase'>]?: FaultRule[K] | string | number | boolean;
};

/** A session that is or was open, whether it brought mail or not. */
export interface SeenSession {
  /** How many mails it brought so far. */
  readonly mails: number;
  /** All of it, or what came behind its last mail. */
  readonly lines: readonly TranscriptLine[];
}

export interface SinkBackend {
  readonly host: string;
  readonly port: number;
  /** Of its HTTP API; null when there is none. */
  readonly http: string | null;
  /** The newest seq. */
  cursor(): Promise<number>;
  /** Behind `after`, oldest first, some at a time; empty when the time is over. Rejects with BAD_SEARCH, or as the signal does. */
  next(ask: NextAsk): Promise<{ readonly messages: readonly Listed[]; readonly cursor: number }>;
  /** The newest behind `after` that match, newest first, and how many there are. */
  newest(
    ask: Pick<NextAsk, 'namespace' | 'query' | 'after'>,
    limit: number,
  ): Promise<{ readonly messages: readonly Listed[]; readonly matching: number }>;
  /** Null for one that was deleted. */
  mail(id: string): Promise<MailData | null>;
  /** Reject with CLOSED for a mail that was deleted. */
  raw(id: string): Promise<Buffer>;
  part(id: string, partId: string): Promise<Buffer>;
  transcript(id: string): Promise<readonly TranscriptLine[]>;
  /** The last sessions, newest first; null where that is not known. */
  sessions(): readonly SeenSession[] | null;
  /** How many were deleted. */
  delete(which: { readonly ids?: readonly string[]; readonly namespace?: string | undefined }): Promise<number>;
  /** Rejects with NAMESPACE_EXISTS or BAD_NAMESPACE. */
  createNamespace(ask: NamespaceAsk): Promise<NamespaceData>;
  deleteNamespace(name: string): Promise<void>;
  /** Reject with BAD_OPTION for a rule that cannot be. */
  addFault(rule: Readonly<Record<string, unknown>>, namespace: string | undefined): Promise<FaultRuleView>;
  faults(namespace: string | undefined): Promise<readonly FaultRuleView[]>;
  removeFault(id: string): Promise<void>;
  clearFaults(namespace: string | undefined): Promise<void>;
  close(): Promise<void>;
}
