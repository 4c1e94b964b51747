// What a profile says about the frame in hand: what in it is secret, which request it answers, what comes next. The
// observer asks the profile, and writes the answer into the journal.
import type { Kind, Rest, Side, Talk } from '../profiles/profile.ts';
import { KINDS } from '../profiles/profile.ts';
import { PART } from './journal.ts';
import { Requests } from './requests.ts';

const KIND_NUMBER = Object.fromEntries(KINDS.map((kind, n) => [kind, n])) as Readonly<Record<Kind, number>>;

export class Verdict implements Talk {
  readonly client: Side;
  readonly server: Side;
  /** As the journal counts them. */
  kind = 0;
  flags = 0;
  /** Indices of the frame's chunk. */
  hiddenFrom = 0;
  hiddenTo = 0;
  latency = Number.NaN;
  answers = -1;
  remark = '';
  /** The rest is raw. */
  turn: { readonly why: string; readonly rest: Rest } | null = null;
  readonly requests = new Requests();
  /** Requests that the frame has made, and the tag of the last one. */
  asks = 0;
  tag: string | undefined;
  private time = 0;
  private seq = 0;
  private start = 0;
  private end = 0;

  constructor(client: Side, server: Side) {
    this.client = client;
    this.server = server;
  }

  /** When, and with which event, a request would be made now. Before the first frame that is connecting. */
  at(time: number, seq: number): void {
    this.time = time;
    this.seq = seq;
  }

  /** The next frame, or piece of one: chunk[start, end). */
  begin(kind: Kind, flags: number, start: number, end: number): void {
    this.kind = KIND_NUMBER[kind];
    this.flags = flags;
    this.start = start;
    this.end = end;
    this.hiddenFrom = this.hiddenTo = 0;
    this.latency = Number.NaN;
    this.answers = -1;
    this.asks = 0;
    if (kind === 'secret') this.hide();
  }

  hide(from = this.start, to = this.end): void {
    this.hiddenFrom = from;
    this.hiddenTo = to;
  }

  part(): void {
    this.flags |= PART;
  }

  note(text: string): void {
    this.remark = text;
  }

  ask(what: string, tag?: string): void {
    this.asks++;
    this.tag = tag;
    if (this.requests.ask(what, this.seq, this.time, tag)) return;
    this.raw('too many requests without an answer', 'broken');
  }

  get asked(): string {
    return this.requests.oldest;
  }

  get outstanding(): number {
    return this.requests.size;
  }

  answer(final = true, tag?: string): string {
    const what = this.requests.answer(final, tag);
    if (what === undefined) return '';
    this.answers = this.requests.answeredSeq;
    if (final) this.latency = this.time - this.requests.answeredTime;
    return what;
  }

  raw(why: string, rest: Rest): void {
    this.turn = { why, rest };
  }
}
