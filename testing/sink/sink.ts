// What a test holds of a sink, wherever that runs: mail, waiting for it, faults, and namespaces, which are the same again
// for a part of it.
import type { FaultRuleView } from '../../relay/faults/fault-rules.ts';
import type { FaultFields, NamespaceAsk } from './backend.ts';
import type { MailFilter } from './filter.ts';
import type { Mail } from './mail.ts';
import type { Transcript } from './transcript.ts';

/** For nodemailer's createTransport() and whatever takes the like. */
export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** There is no TLS from the first byte. */
  readonly secure: false;
  /** Of a namespace. */
  readonly auth?: { readonly user: string; readonly pass: string };
}

export interface WaitOptions {
  /** How many mails; then there is an array of them. Default: 1. */
  readonly count?: number;
  /** Milliseconds. Default: as the sink was started with, or else 4000. */
  readonly timeout?: number;
  /** Only what came behind this mail, or behind a cursor. Default: everything that is there counts, too. */
  readonly after?: number | Pick<Mail, 'seq'>;
  readonly signal?: AbortSignal;
}

export interface QuietOptions {
  /** Milliseconds in which nothing must come. Default: 200. */
  readonly quiet?: number;
  readonly after?: number | Pick<Mail, 'seq'>;
}

/** As `--fault` takes it, `rcpt to=*@x.example reply="451 Later" count=1`, or with the same fields in an object. */
export type NewFault = string | FaultFields;

export interface Fault {
  readonly id: string;
  /** As it is now, with `matches` and `hits`. Rejects with ChatError CLOSED when it is gone. */
  view(): Promise<FaultRuleView>;
  /** How often it struck. */
  hits(): Promise<number>;
  remove(): Promise<void>;
}

export interface Faults {
  /** Behind all others; in a namespace it strikes there only. Rejects with ChatError BAD_OPTION. */
  add(fault: NewFault): Promise<Fault>;
  list(): Promise<readonly FaultRuleView[]>;
  clear(): Promise<void>;
}

/** All of a sink, or one namespace of it. */
export interface MailScope {
  readonly host: string;
  readonly port: number;
  /** `smtp://127.0.0.1:40123`, with user and password in a namespace. */
  readonly url: string;
  readonly smtp: SmtpSettings;
  readonly faults: Faults;
  /**
   * Resolves as soon as there is such a mail, also when it has come already. Rejects with MailExpectationError, which tells
   * what came instead; with ChatError BAD_OPTION or BAD_SEARCH for a filter that cannot be; as the signal says.
   */
  waitFor(filter: MailFilter & WaitOptions & { readonly count: number }): Promise<Mail[]>;
  waitFor(filter?: MailFilter & Omit<WaitOptions, 'count'>): Promise<Mail>;
  /** The same, and rejects when more than `count` mails match. With `quiet` it waits that long for one too many. */
  expectMail(filter: MailFilter & WaitOptions & QuietOptions & { readonly count: number }): Promise<Mail[]>;
  expectMail(filter?: MailFilter & Omit<WaitOptions, 'count'> & QuietOptions): Promise<Mail>;
  /** Rejects with MailExpectationError when such a mail is there, or comes within `quiet`. */
  expectNoMail(filter?: MailFilter & QuietOptions): Promise<void>;
  /** Those that are there now, oldest first. */
  mails(filter?: MailFilter & Pick<WaitOptions, 'after'>): Promise<Mail[]>;
  /** The seq of the newest mail, for `after`: `const before = await sink.cursor()`. */
  cursor(): Promise<number>;
  /** Deletes all mail. Tells how much it was. */
  clear(): Promise<number>;
  /** The same as `faults.add`. */
  fail(fault: NewFault): Promise<Fault>;
  /** Of the last mails, oldest first; in this process also of the last sessions that brought none. */
  transcripts(): Promise<Transcript[]>;
}

export interface Namespace extends MailScope, AsyncDisposable {
  readonly name: string;
  readonly user: string;
  readonly pass: string;
  /** `bob` gives an address whose mail belongs to the namespace, whoever sends it. */
  address(localPart?: string): string;
  /** With its mail and its faults. */
  delete(): Promise<void>;
}

export interface Sink extends MailScope, AsyncDisposable {
  /** `http://127.0.0.1:40124/`; null in this process, unless it was asked for. */
  readonly http: string | null;
  /** A part of the sink for one test or worker. Rejects with ChatError NAMESPACE_EXISTS or BAD_NAMESPACE. */
  namespace(name?: string, options?: Omit<NamespaceAsk, 'name'>): Promise<Namespace>;
  /** Of a sink in this process: stops it, and its mail is gone. Of a remote one: only forgets it. */
  close(): Promise<void>;
}
