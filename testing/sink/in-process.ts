// A sink in this process: its inbox, its faults and its namespaces are asked directly, without HTTP.
import type { FaultRuleView } from '../../relay/faults/fault-rules.ts';
import type { InboxMessage } from '../../relay/inbox/inbox.ts';
import type { ParsedMail } from '../../relay/inbox/parsed-mail.ts';
import type { SearchQuery } from '../../relay/inbox/search-query.ts';
import type { TranscriptLine } from '../../relay/inbox/transcript.ts';
import type { MailService } from '../../relay/service.ts';
import type { SessionTranscript } from '../../relay/smtp/transcript.ts';
import type { TcpAddress } from '../../src/address.ts';
import { realClock } from '../../src/clock.ts';
import { ChatError } from '../../src/errors.ts';
import { MailFollower } from '../../web/server/lonedot/waiting.ts';
import type { NamespaceAsk, NamespaceData, NextAsk, SeenSession, SinkBackend } from './backend.ts';
import type { MailData } from './mail.ts';

/** Mails that are looked at in one go. */
const STEP = 100;
/** Sessions of which the dialogue is kept in memory, at most 64 KB each. */
const MOST_SESSIONS = 50;

/** The last sessions, as they come. */
export class SessionRing {
  readonly #all: SessionTranscript[] = [];

  add(session: SessionTranscript): void {
    if (this.#all.push(session) > MOST_SESSIONS) this.#all.shift();
  }

  newestFirst(): SeenSession[] {
    return this.#all.map((one) => one.sinceMail()).reverse();
  }
}

export class InProcessBackend implements SinkBackend {
  readonly host: string;
  readonly port: number;
  readonly http: string | null;
  /** It listens already; whoever asks for its mail waits until it is open. */
  readonly #mail: Promise<MailService>;
  readonly #sessions: SessionRing;
  readonly #stop: () => Promise<void>;
  readonly #followers = new Set<MailFollower>();
  #closing: Promise<void> | null = null;
  #isClosed = false;

  constructor(
    { host, port }: TcpAddress,
    mail: Promise<MailService>,
    sessions: SessionRing,
    http: string | null,
    stop: () => Promise<void>,
  ) {
    this.host = host;
    this.port = port;
    this.http = http;
    this.#mail = mail;
    this.#sessions = sessions;
    this.#stop = stop;
  }

  async cursor(): Promise<number> {
    return (await this.#inbox()).cursor();
  }

  async next({ namespace, query, after, waitMs, signal }: NextAsk) {
    const inbox = await this.#inbox();
    if (this.#isClosed) throw closed();
    const ask = { ...scoped(namespace), ...(await searched(query)), after };
    const follower = new MailFollower(inbox, ask, realClock);
    const end = (): void => follower.close();
    // Not a clock's: it must keep the process alive while a test waits.
    const timer = setTimeout(end, waitMs);
    signal?.addEventListener('abort', end);
    this.#followers.add(follower);
    const until = performance.now() + waitMs;
    try {
      for (;;) {
        const messages = await follower.take(STEP);
        if (this.#isClosed) throw closed();
        signal?.throwIfAborted();
        if (messages.length > 0 || performance.now() >= until) return { messages, cursor: follower.cursor };
        await follower.changed();
      }
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      this.#followers.delete(follower);
      follower.close();
    }
  }

  async newest({ namespace, query, after }: Pick<NextAsk, 'namespace' | 'query' | 'after'>, limit: number) {
    const ask = { ...scoped(namespace), ...(await searched(query)), afterSeq: after, limit };
    return (await this.#inbox()).page(ask);
  }

  async mail(id: string): Promise<MailData | null> {
    const { store } = await this.#mail;
    const [stored, message] = await Promise.all([store.get(id), this.#message(id)]);
    if (stored === undefined || message === null) return null;
    const { helo, clientAddress, protocol, tls } = stored;
    const { seq, namespace, receivedAt, size, tags, bcc, sender, recipients, username } = message.summary;
    return {
      ...{ id, seq, namespace, receivedAt, size, tags, bcc },
      envelope: { from: sender, to: recipients, username, helo, clientAddress, protocol, tls },
      mail: message.mail,
    };
  }

  async raw(id: string): Promise<Buffer> {
    const content = await (await this.#inbox()).content(id);
    if (content === undefined) throw deleted();
    const pieces: Buffer[] = [];
    for await (const piece of content) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async part(id: string, partId: string): Promise<Buffer> {
    const part = await (await this.#inbox()).part(id, partId);
    if (part === undefined) throw deleted();
    const { buffer, byteOffset, byteLength } = part.bytes;
    return Buffer.from(buffer, byteOffset, byteLength);
  }

  async transcript(id: string): Promise<readonly TranscriptLine[]> {
    return (await this.#inbox()).transcript(id);
  }

  sessions(): readonly SeenSession[] {
    return this.#sessions.newestFirst();
  }

  async delete({ ids, namespace }: { ids?: readonly string[]; namespace?: string | undefined }): Promise<number> {
    return (await this.#inbox()).delete({ ...scoped(namespace), ...(ids === undefined ? {} : { ids }) });
  }

  async createNamespace(ask: NamespaceAsk): Promise<NamespaceData> {
    const namespaces = (await this.#mail).namespaces!;
    const { newNamespace } = await import('../../web/server/lonedot/namespaces.ts');
    const { namespace, logins } = await namespaces.create(await newNamespace(ask, namespaces, realClock.now()));
    const [login] = logins;
    return {
      name: namespace.name,
      addressPattern: namespace.recipients[0]!,
      user: login?.user ?? '',
      password: login?.password ?? '',
    };
  }

  async deleteNamespace(name: string): Promise<void> {
    await (await this.#mail).namespaces!.delete(name);
  }

  async addFault(rule: Readonly<Record<string, unknown>>, namespace: string | undefined): Promise<FaultRuleView> {
    return (await this.#faults()).add(namespace === undefined ? rule : { ...rule, namespace });
  }

  async faults(namespace: string | undefined): Promise<readonly FaultRuleView[]> {
    return (await this.#faults()).list(namespace);
  }

  async removeFault(id: string): Promise<void> {
    (await this.#faults()).remove(id);
  }

  async clearFaults(namespace: string | undefined): Promise<void> {
    (await this.#faults()).replace([], namespace);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#closing ??= this.#stop();
    for (const follower of this.#followers) follower.close();
    return this.#closing;
  }

  async #faults() {
    return (await this.#mail).faults!;
  }

  async #inbox() {
    // A test's sink has one: its database is a file.
    return (await this.#mail).inbox!;
  }

  /** A mail that is too large to be read whole is known by its list entry. */
  async #message(id: string): Promise<InboxMessage | null> {
    const inbox = await this.#inbox();
    try {
      return (await inbox.message(id)) ?? null;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'MAIL_TOO_LARGE') throw error;
      const summary = await inbox.summary(id);
      return summary === undefined ? null : { summary, mail: unread(summary) };
    }
  }
}

function unread({ messageId, from, to, cc, bcc, replyTo, subject, tags, size }: InboxMessage['summary']): ParsedMail {
  const tree = { partId: '', contentType: '', contentTypeHeader: '', encoding: '', disposition: '', fileName: '' };
  return {
    ...{ messageId, from, to, cc, bcc, replyTo, subject, tags, headers: [], returnPath: '', date: null },
    ...{ text: '', html: '', inline: [], attachments: [] },
    tree: { ...tree, contentId: '', size, children: [] },
  };
}

function scoped(namespace: string | undefined): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

async function searched(query: string): Promise<{ readonly query?: SearchQuery }> {
  if (query.trim() === '') return {};
  const { parseSearch } = await import('../../relay/inbox/search-language.ts');
  return { query: parseSearch(query, { now: realClock.now() }) };
}

function deleted(): ChatError {
  return new ChatError('CLOSED', 'the mail was deleted');
}

function closed(): ChatError {
  return new ChatError('CLOSED', 'the sink was closed while it was waited for mail');
}
