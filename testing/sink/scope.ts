// Waiting, expecting, listing: everything that tests do with mail, for a whole sink or for one namespace, by what either
// back end can tell.
import { ChatError } from '../../src/errors.ts';
import type { Listed, SinkBackend } from './backend.ts';
import { FaultDesk } from './faults.ts';
import { type Condition, conditionsOf, type MailFilter } from './filter.ts';
import { type Mail, readMail } from './mail.ts';
import type { MissedAsk } from './not-received.ts';
import type { Fault, Faults, MailScope, NewFault, QuietOptions, SmtpSettings, WaitOptions } from './sink.ts';
import { type Transcript, transcriptFrom } from './transcript.ts';

/** Less than the five seconds that most test runners give a test: what is missing should be told by us. */
export const DEFAULT_TIMEOUT_MS = 4000;
const DEFAULT_QUIET_MS = 200;
/** Mails, and sessions without. */
const MOST_TRANSCRIPTS = 100;

type Wanted = MailFilter & WaitOptions & QuietOptions;

interface Found {
  readonly mails: Mail[];
  /** Everything up to here was looked at. */
  readonly cursor: number;
}

export class Scope implements MailScope {
  readonly faults: Faults;
  protected readonly backend: SinkBackend;
  readonly #namespace: string | undefined;
  readonly #auth: SmtpSettings['auth'];
  readonly #timeout: number;

  constructor(backend: SinkBackend, timeout: number, namespace?: string, auth?: SmtpSettings['auth']) {
    this.backend = backend;
    this.#timeout = timeout;
    this.#namespace = namespace;
    this.#auth = auth;
    this.faults = new FaultDesk(backend, namespace);
  }

  get host(): string {
    return this.backend.host;
  }

  get port(): number {
    return this.backend.port;
  }

  get url(): string {
    const login = this.#auth ? `${encodeURIComponent(this.#auth.user)}:${encodeURIComponent(this.#auth.pass)}@` : '';
    return `smtp://${login}${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`;
  }

  get smtp(): SmtpSettings {
    const { host, port } = this;
    return { host, port, secure: false, ...(this.#auth ? { auth: this.#auth } : {}) };
  }

  waitFor(filter: Wanted & { readonly count: number }): Promise<Mail[]>;
  waitFor(filter?: Wanted): Promise<Mail>;
  async waitFor(wanted: Wanted = {}): Promise<Mail | Mail[]> {
    const { mails } = await this.#received(wanted);
    return wanted.count === undefined ? mails[0]! : mails;
  }

  expectMail(filter: Wanted & { readonly count: number }): Promise<Mail[]>;
  expectMail(filter?: Wanted): Promise<Mail>;
  async expectMail(wanted: Wanted = {}): Promise<Mail | Mail[]> {
    const { filter, count } = this.#ask(wanted);
    const { mails, cursor } = await this.#received(wanted);
    const more = await this.#look(filter, {
      after: cursor,
      count: 1,
      timeout: wanted.quiet ?? 0,
      signal: wanted.signal,
    });
    const all = [...mails, ...more.mails];
    if (all.length > count) throw await (await failures()).tooMany(this.#missed(wanted, all.length), all);
    return wanted.count === undefined ? mails[0]! : mails;
  }

  async expectNoMail(wanted: MailFilter & QuietOptions = {}): Promise<void> {
    const { filter, after } = this.#ask(wanted);
    const { mails } = await this.#look(filter, { after, count: 1, timeout: wanted.quiet ?? DEFAULT_QUIET_MS });
    if (mails.length > 0)
      throw await (await failures()).tooMany({ ...this.#missed(wanted, mails.length), count: 0 }, mails);
  }

  async mails(wanted: MailFilter & Pick<WaitOptions, 'after'> = {}): Promise<Mail[]> {
    const { filter, after } = this.#ask(wanted);
    const upTo = await this.backend.cursor();
    return (await this.#look(filter, { after, count: Number.POSITIVE_INFINITY, timeout: 0, upTo })).mails;
  }

  cursor(): Promise<number> {
    return this.backend.cursor();
  }

  clear(): Promise<number> {
    return this.backend.delete({ namespace: this.#namespace });
  }

  fail(fault: NewFault): Promise<Fault> {
    return this.faults.add(fault);
  }

  async transcripts(): Promise<Transcript[]> {
    const { backend } = this;
    const namespace = this.#namespace;
    const { messages } = await backend.newest({ namespace, query: '', after: 0 }, MOST_TRANSCRIPTS);
    const mails = messages.map(async ({ id }) => transcriptFrom(await backend.transcript(id), id));
    const sessions = (backend.sessions() ?? [])
      .filter(({ mails: count, lines }) => count === 0 && lines.length > 0)
      .filter(({ lines }) => namespace === undefined || lines.some(({ text }) => text.includes(namespace)))
      .map(({ lines }) => transcriptFrom(lines, null));
    return [...sessions.reverse(), ...(await Promise.all(mails)).reverse()];
  }

  async #received(wanted: Wanted): Promise<Found> {
    const { filter, after, count, timeout } = this.#ask(wanted);
    const found = await this.#look(filter, { after, count, timeout, signal: wanted.signal });
    if (found.mails.length < count)
      throw await (await failures()).notReceived(this.#missed(wanted, found.mails.length));
    return found;
  }

  /** Until there are `count` of them, or the time is over; the first look is taken in any case. `upTo` is a seq. */
  async #look(
    filter: MailFilter,
    how: { after: number; count: number; timeout: number; upTo?: number; signal?: AbortSignal | undefined },
  ): Promise<Found> {
    const conditions = conditionsOf(filter);
    const { query = '' } = filter;
    const mails: Mail[] = [];
    const { upTo = Number.POSITIVE_INFINITY } = how;
    let { after } = how;
    const end = performance.now() + how.timeout;
    while (after < upTo) {
      how.signal?.throwIfAborted();
      const waitMs = Math.max(0, end - performance.now());
      const next = await this.backend.next({ namespace: this.#namespace, query, after, waitMs, signal: how.signal });
      for (const listed of next.messages) {
        if (listed.seq > upTo) return { mails, cursor: upTo };
        const mail = await this.#match(listed, conditions);
        if (mail === null) continue;
        mails.push(mail);
        // What is behind it is for the next time.
        if (mails.length === how.count) return { mails, cursor: listed.seq };
      }
      after = next.cursor;
      if (next.messages.length === 0 && performance.now() >= end) break;
    }
    return { mails, cursor: after };
  }

  async #match(listed: Listed, conditions: readonly Condition[]): Promise<Mail | null> {
    const early = conditions.filter((one) => one.listed !== undefined);
    if (!early.every((one) => one.listed!(listed))) return null;
    const data = await this.backend.mail(listed.id);
    if (data === null) return null;
    const mail = await readMail(data, this.backend);
    for (const condition of conditions) {
      if (condition.whole !== undefined && !(await condition.whole(mail))) return null;
    }
    return mail;
  }

  #ask({ count = 1, timeout = this.#timeout, after = 0, quiet, signal: _, ...filter }: Wanted) {
    for (const [name, value] of Object.entries({ count, timeout, quiet })) {
      const least = name === 'count' ? 1 : 0;
      if (value !== undefined && !(Number.isFinite(value) && value >= least)) {
        throw new ChatError('BAD_OPTION', `${name} must be a number of at least ${least}`);
      }
    }
    return { filter: filter as MailFilter, count, timeout, after: typeof after === 'number' ? after : after.seq };
  }

  #missed(wanted: Wanted, found: number): MissedAsk {
    return { backend: this.backend, namespace: this.#namespace, found, ...this.#ask(wanted) };
  }
}

/** Only a test that fails needs them. */
function failures() {
  return import('./not-received.ts');
}
