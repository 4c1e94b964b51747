// A sink that runs elsewhere, over its API below /api/lonedot/v1: waiting is its long poll.
import type { FaultRuleView } from '../../relay/faults/fault-rules.ts';
import type { InboxSummary } from '../../relay/inbox/inbox.ts';
import type { ParsedMail } from '../../relay/inbox/parsed-mail.ts';
import type { TranscriptLine } from '../../relay/inbox/transcript.ts';
import { parseAddress } from '../../src/address.ts';
import { ChatError } from '../../src/errors.ts';
import { OWN, type SinkApi } from './api.ts';
import type { Listed, NamespaceAsk, NamespaceData, NextAsk, SinkBackend } from './backend.ts';
import type { MailData } from './mail.ts';

/** Of one question: proxies close what is silent for longer. */
const MAX_POLL_MS = 25_000;
const MAX_PAGE = 500;
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

interface Page {
  readonly messages: readonly InboxSummary[];
  readonly older: number | null;
  readonly cursor: number;
  readonly matching: number;
}

/** A mail as GET /messages/ID gives it: times are texts. */
type MessageJson = Omit<MailData, 'receivedAt' | 'envelope' | 'mail' | 'bcc'> & {
  readonly receivedAt: string;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string }[];
  readonly helo: string;
  readonly clientAddress: string;
  readonly protocol: string;
  readonly tls: string;
  readonly authUser: string;
  readonly mail?: Omit<ParsedMail, 'date'> & { readonly date: string | null };
};

/** Rejects with TRANSPORT_FAILED when there is none, with BAD_OPTION when it lets nobody in. */
export async function openHttpBackend(api: SinkApi): Promise<HttpBackend> {
  const { smtp } = await api.json<{ smtp: readonly string[] }>('GET', `${OWN}/info`);
  if (!Array.isArray(smtp)) throw api.failure('what it answers is no lonedot');
  const place = smtp.map((text) => parseAddress(text)).find(({ kind }) => kind === 'tcp');
  if (place?.kind !== 'tcp') throw api.failure('it listens for SMTP on no port');
  const host = WILDCARDS.has(place.host) ? api.url.hostname.replace(/^\[|\]$/g, '') : place.host;
  return new HttpBackend(api, host, place.port);
}

export class HttpBackend implements SinkBackend {
  readonly host: string;
  readonly port: number;
  readonly #api: SinkApi;
  readonly #closing = new AbortController();

  constructor(api: SinkApi, host: string, port: number) {
    this.#api = api;
    this.host = host;
    this.port = port;
  }

  get http(): string {
    return this.#api.url.href;
  }

  async cursor(): Promise<number> {
    return (await this.#page(undefined, { limit: '1' })).cursor;
  }

  async next({ namespace, query, after, waitMs, signal }: NextAsk) {
    const timeout = `${Math.round(Math.min(waitMs, MAX_POLL_MS))}ms`;
    const { signal: closing } = this.#closing;
    return this.#api.json<{ messages: readonly Listed[]; cursor: number }>('GET', `${own(namespace)}/wait`, {
      query: { ...queryOf(query), after: String(after), timeout },
      signal: signal ? AbortSignal.any([signal, closing]) : closing,
      bad: 'BAD_SEARCH',
      // Nothing came: what it tells instead is told by us, who know the rest of the filter.
      otherwise: { 408: { messages: [], cursor: after } },
      withinMs: waitMs + this.#api.answerMs,
    });
  }

  async newest({ namespace, query, after }: Pick<NextAsk, 'namespace' | 'query' | 'after'>, limit: number) {
    const first = { ...queryOf(query), after: String(after), limit: String(Math.min(limit, MAX_PAGE)) };
    const { messages, matching } = await this.#page(namespace, first);
    return { messages, matching };
  }

  async mail(id: string): Promise<MailData | null> {
    const found = await this.#api.json<MessageJson | null>('GET', `${OWN}/messages/${id}`, {
      otherwise: { 404: null },
    });
    if (found === null) return null;
    const { mail, sender, recipients, helo, clientAddress, protocol, tls, authUser, receivedAt, ...rest } = found;
    // Deleted between its envelope and its content.
    if (mail === undefined) return null;
    const to = recipients.map(({ address }) => address);
    return {
      ...{ id: rest.id, seq: rest.seq, namespace: rest.namespace, size: rest.size, tags: rest.tags },
      receivedAt: Date.parse(receivedAt),
      bcc: mail.bcc,
      envelope: { from: sender, to, username: authUser, helo, clientAddress, protocol, tls },
      mail: { ...mail, date: mail.date === null ? null : Date.parse(mail.date) },
    };
  }

  raw(id: string): Promise<Buffer> {
    return this.#bytes(`api/v1/message/${id}/raw`);
  }

  part(id: string, partId: string): Promise<Buffer> {
    return this.#bytes(`api/v1/message/${id}/part/${partId}`);
  }

  async transcript(id: string): Promise<readonly TranscriptLine[]> {
    const path = `${OWN}/messages/${id}/transcript`;
    return (await this.#api.json<{ lines: TranscriptLine[] }>('GET', path, { otherwise: { 404: { lines: [] } } }))
      .lines;
  }

  sessions(): null {
    return null;
  }

  async delete({ ids, namespace }: { ids?: readonly string[]; namespace?: string | undefined }): Promise<number> {
    const body = ids === undefined ? {} : { ids };
    return (await this.#api.json<{ deleted: number }>('DELETE', `${own(namespace)}/messages`, { body })).deleted;
  }

  async createNamespace(ask: NamespaceAsk): Promise<NamespaceData> {
    const made = await this.#api.json<{
      name: string;
      addressPattern: string;
      smtp: { username: string; password: string };
    }>('POST', `${OWN}/namespaces`, { body: ask, bad: 'BAD_NAMESPACE' });
    const { name, addressPattern, smtp } = made;
    return { name, addressPattern, user: smtp.username, password: smtp.password };
  }

  async deleteNamespace(name: string): Promise<void> {
    const path = `${OWN}/namespaces/${encodeURIComponent(name)}`;
    await this.#api.json('DELETE', path, { otherwise: { 204: null, 404: null } });
  }

  addFault(rule: Readonly<Record<string, unknown>>, namespace: string | undefined): Promise<FaultRuleView> {
    return this.#api.json<FaultRuleView>('POST', `${own(namespace)}/faults`, { body: rule });
  }

  async faults(namespace: string | undefined): Promise<readonly FaultRuleView[]> {
    return (await this.#api.json<{ faults: FaultRuleView[] }>('GET', `${own(namespace)}/faults`)).faults;
  }

  async removeFault(id: string): Promise<void> {
    await this.#api.json('DELETE', `${OWN}/faults/${encodeURIComponent(id)}`, { otherwise: { 204: null, 404: null } });
  }

  async clearFaults(namespace: string | undefined): Promise<void> {
    await this.#api.json('DELETE', `${own(namespace)}/faults`, { otherwise: { 204: null } });
  }

  /** The sink goes on; whoever waits here does not. */
  async close(): Promise<void> {
    this.#closing.abort(new ChatError('CLOSED', 'the sink was closed while it was waited for mail'));
  }

  #page(namespace: string | undefined, query: Readonly<Record<string, string>>): Promise<Page> {
    return this.#api.json<Page>('GET', `${own(namespace)}/messages`, { query, bad: 'BAD_SEARCH' });
  }

  async #bytes(path: string): Promise<Buffer> {
    const bytes = await this.#api.bytes(path);
    if (bytes === null) throw new ChatError('CLOSED', 'the mail was deleted');
    return bytes;
  }
}

function own(namespace: string | undefined): string {
  return namespace === undefined ? OWN : `${OWN}/ns/${encodeURIComponent(namespace)}`;
}

function queryOf(query: string): Readonly<Record<string, string>> {
  return query === '' ? {} : { query };
}
