// Looks for what a lenient peer forgives and a strict one does not, on one connection. It sees what was framed, once and
// in order, and changes nothing: the checks are in lines.ts, content.ts, pipelining.ts and counts.ts.
import type { SideName } from '../dialogue/event.ts';
import type { About, Tap } from '../dialogue/tap.ts';
import type { ProfileName } from '../profiles/names.ts';
import type { Kind } from '../profiles/profile.ts';
import { ContentCheck } from './content.ts';
import { CountCheck } from './counts.ts';
import { LineCheck } from './lines.ts';
import { PipeliningCheck } from './pipelining.ts';
import type { Check, LintReport } from './report.ts';

/** Findings of one check that are told one by one on a connection. */
const MOST_TOLD = 20;

const IN_THE_CLEAR = 'something in the clear where TLS begins';
/** The types of records: RFC 8446 5.1. */
const FIRST_RECORD = 0x14;
const LAST_RECORD = 0x17;

/** A frame as the checks see it. */
export interface Seen {
  readonly from: SideName;
  readonly kind: Kind;
  readonly bytes: Buffer;
  readonly about: About;
  readonly protocol: ProfileName;
}

export type Find = (check: Check, text: string) => void;

export interface LinterOptions {
  readonly report: LintReport;
  /** Null while it is not known. */
  protocol(): string | null;
  /** Requests that have no answer yet. */
  outstanding(): number;
  tell(from: SideName, check: Check, text: string, offset: number): void;
}

const DOTTED: ReadonlySet<string> = new Set(['smtp', 'lmtp', 'pop3', 'nntp']);

export class Linter implements Tap {
  private readonly options: LinterOptions;
  private readonly lines = new LineCheck();
  private readonly contents = { client: new ContentCheck(), server: new ContentCheck() };
  private readonly counts = new CountCheck();
  private readonly pipelining = new PipeliningCheck();
  private readonly saysTls = { client: false, server: false };
  private readonly told = new Map<Check, number>();

  constructor(options: LinterOptions) {
    this.options = options;
  }

  framed(from: SideName, kind: Kind, bytes: Buffer, about: About): null {
    const protocol = this.options.protocol() as ProfileName | null;
    const find: Find = (check, text) => this.find(from, check, text, about.offset);
    if (kind === 'tls') this.tls(from, bytes, find);
    if (protocol === null || kind === 'raw' || kind === 'tls') return null;
    const seen: Seen = { from, kind, bytes, about, protocol };
    this.pipelining.look(seen, this.options.outstanding() - about.asks, find);
    this.counts.look(seen, find);
    if (kind !== 'body' && !about.counted) this.lines.look(seen, find);
    if (kind === 'body' && !about.counted && DOTTED.has(protocol)) {
      this.contents[from].look(seen, this.lines.transaction, find);
    }
    return null;
  }

  broken(from: SideName, why: string, offset: number): void {
    this.find(from, 'grammar', why, offset);
  }

  plaintext(from: SideName, _size: number, offset: number): void {
    this.find(from, 'plaintext-before-tls', IN_THE_CLEAR, offset);
  }

  ended(): void {}

  /** RFC 3207 5, CVE-2011-0411: what was said before the first record of TLS is nobody's. */
  private tls(from: SideName, bytes: Buffer, find: Find): void {
    if (this.saysTls[from] || bytes.length === 0) return;
    this.saysTls[from] = true;
    const isRecord = bytes[0]! >= FIRST_RECORD && bytes[0]! <= LAST_RECORD;
    if (!isRecord) find('plaintext-before-tls', IN_THE_CLEAR);
  }

  private find(from: SideName, check: Check, text: string, offset: number): void {
    this.options.report.add(check);
    const told = (this.told.get(check) ?? 0) + 1;
    this.told.set(check, told);
    if (told < MOST_TOLD) this.options.tell(from, check, text, offset);
    if (told === MOST_TOLD)
      this.options.tell(from, check, `${text} (more of it on this connection is only counted)`, offset);
  }
}
