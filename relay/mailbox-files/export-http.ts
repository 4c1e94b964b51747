// The mail of a running lonedot over HTTP, by the API that Mailpit has, too. First all ids, so that mail that comes or
// goes meanwhile neither hides nor repeats another; then each mail as a stream.
import { ChatError } from '../../src/errors.ts';
import type { ExportMail } from './export.ts';

const PAGE = 500;
const ID = /^[\w-]{1,64}$/;
const ANSWER_MS = 60_000;
/** Of what a server says to a refused request, in a message. */
const MAX_WORDS = 200;

interface Listed {
  readonly messages?: readonly {
    readonly ID: string;
    readonly Created: string;
    readonly From?: { Address?: string };
  }[];
}

/** Oldest first. Rejects with BAD_OPTION for a refused search or login, with TRANSPORT_FAILED for anything else. */
export async function* exportedFromHttp(from: URL, query = ''): AsyncGenerator<ExportMail, void, undefined> {
  const api = new Api(from);
  for (const mail of (await listed(api, query)).reverse()) {
    const response = await api.get(`api/v1/message/${mail.id}/raw`);
    // Undefined: deleted since.
    if (response?.body) yield { ...mail, content: pieces(response.body) };
  }
}

async function listed(api: Api, query: string): Promise<Omit<ExportMail, 'content'>[]> {
  const found = new Map<string, Omit<ExportMail, 'content'>>();
  for (let start = 0; ; start += PAGE) {
    const range = `start=${start}&limit=${PAGE}`;
    const path =
      query === '' ? `api/v1/messages?${range}` : `api/v1/search?${range}&query=${encodeURIComponent(query)}`;
    const { messages = [] } = await api.json<Listed>(path);
    for (const { ID: id, Created, From } of messages) {
      // It becomes the name of a file.
      if (!ID.test(id)) throw api.failure('what it answers is no list of mails');
      found.set(id, { id, receivedAt: Date.parse(Created) || 0, sender: From?.Address ?? '' });
    }
    if (messages.length < PAGE) return [...found.values()];
  }
}

async function* pieces(body: ReadableStream<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  for await (const piece of body) yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
}

class Api {
  readonly #base: URL;
  readonly #headers: Record<string, string> = {};

  constructor(given: URL) {
    this.#base = new URL(given);
    if (given.username !== '') {
      const pair = `${decodeURIComponent(given.username)}:${decodeURIComponent(given.password)}`;
      this.#headers['Authorization'] = `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
    }
    this.#base.username = '';
    this.#base.password = '';
    this.#base.pathname = this.#base.pathname.replace(/\/*$/, '/');
  }

  /** Undefined for what is not there. */
  async get(path: string): Promise<Response | undefined> {
    const ended = new AbortController();
    const deadline = setTimeout(() => ended.abort(new Error('it does not answer')), ANSWER_MS);
    let response: Response;
    try {
      response = await fetch(new URL(path, this.#base), { headers: this.#headers, signal: ended.signal });
    } catch (error) {
      const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
      throw this.failure(cause?.code ?? cause?.message ?? message, error);
    } finally {
      clearTimeout(deadline);
    }
    if (response.ok) return response;
    const words = (await response.text()).slice(0, MAX_WORDS).trim();
    if (response.status === 404 && path.includes('/message/')) return undefined;
    if (response.status === 401) throw this.#refused('it wants a login: write it as http://user:password@host');
    if (response.status === 400) throw this.#refused(words);
    throw this.failure(`it answered ${response.status} ${words}`);
  }

  async json<T>(path: string): Promise<T> {
    const response = await this.get(path);
    try {
      return (await response!.json()) as T;
    } catch (error) {
      throw this.failure('what it answers is no list of mails', error);
    }
  }

  failure(why: string, cause?: unknown): ChatError {
    return new ChatError('TRANSPORT_FAILED', `${this.#base.href}: ${why}`, {}, cause);
  }

  #refused(why: string): ChatError {
    return new ChatError('BAD_OPTION', `${this.#base.href}: ${why}`);
  }
}
