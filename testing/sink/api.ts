// A running lonedot over HTTP: requests with a login and an end, answers as JSON, and refusals as errors of ours.
import { ChatError, type ErrorCode } from '../../src/errors.ts';

export const OWN = 'api/lonedot/v1';
/** Of what a server says to a refused request, in a message. */
const MAX_WORDS = 300;
const ANSWER_MS = 30_000;

export interface SinkLogin {
  readonly user: string;
  readonly pass: string;
}

export interface SinkAsk {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** What an answer with this status means, instead of an error, or of its body. */
  readonly otherwise?: Readonly<Record<number, unknown>>;
  /** Statuses whose bodies are answers, too. */
  readonly alsoFine?: readonly number[];
  /** What a 400 is: what is wrong with the question. Default: BAD_OPTION. */
  readonly bad?: ErrorCode;
  /** Milliseconds until the answer. Default: 30 s. */
  readonly withinMs?: number;
}

export class SinkApi {
  /** Without login, ends with a slash. */
  readonly url: URL;
  readonly answerMs = ANSWER_MS;
  readonly #headers: Record<string, string> = {};

  /** The login may be part of the URL. Throws BAD_OPTION for what is no URL. */
  constructor(url: string | URL, login?: SinkLogin) {
    const given = URL.canParse(String(url)) ? new URL(url) : null;
    if (given === null || !/^https?:$/.test(given.protocol)) {
      throw new ChatError(
        'BAD_OPTION',
        `${JSON.stringify(String(url).slice(0, 200))} is no URL such as http://127.0.0.1:8025`,
      );
    }
    const { user, pass } = login ?? {
      user: decodeURIComponent(given.username),
      pass: decodeURIComponent(given.password),
    };
    if (user !== '')
      this.#headers['Authorization'] = `Basic ${Buffer.from(`${user}:${pass}`, 'utf8').toString('base64')}`;
    for (const part of ['username', 'password', 'search', 'hash'] as const) given[part] = '';
    given.pathname = given.pathname.replace(/\/*$/, '/');
    this.url = given;
  }

  /** Rejects with what the server says is wrong, with TRANSPORT_FAILED when it says nothing, or as the signal does. */
  async json<T>(method: string, path: string, ask: SinkAsk = {}): Promise<T> {
    const response = await this.#send(method, path, ask);
    if (ask.otherwise !== undefined && Object.hasOwn(ask.otherwise, response.status)) {
      await response.body?.cancel();
      return ask.otherwise[response.status] as T;
    }
    if (!response.ok && !ask.alsoFine?.includes(response.status)) throw await this.#refusal(response, ask);
    try {
      return (await response.json()) as T;
    } catch (error) {
      throw this.failure('what it answers is no lonedot', error);
    }
  }

  /** Null for what is not there. */
  async bytes(path: string): Promise<Buffer | null> {
    const response = await this.#send('GET', path, {});
    if (response.ok) return Buffer.from(await response.arrayBuffer());
    const refusal = await this.#refusal(response, {});
    if (response.status === 404) return null;
    throw refusal;
  }

  failure(why: string, cause?: unknown): ChatError {
    return new ChatError('TRANSPORT_FAILED', `${this.url.href}: ${why}`, {}, cause);
  }

  async #send(method: string, path: string, ask: SinkAsk): Promise<Response> {
    const url = new URL(path, this.url);
    for (const [name, value] of Object.entries(ask.query ?? {})) url.searchParams.set(name, value);
    const body = ask.body === undefined ? undefined : JSON.stringify(ask.body);
    const late = AbortSignal.timeout(Math.ceil(ask.withinMs ?? ANSWER_MS));
    try {
      return await fetch(url, {
        method,
        headers: { ...this.#headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
        signal: ask.signal ? AbortSignal.any([ask.signal, late]) : late,
        ...(body === undefined ? {} : { body }),
      });
    } catch (error) {
      if (ask.signal?.aborted) throw ask.signal.reason;
      if (late.aborted) throw this.failure('it does not answer', error);
      const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
      throw this.failure(cause?.code ?? cause?.message ?? message, error);
    }
  }

  async #refusal(response: Response, ask: SinkAsk): Promise<ChatError> {
    const { status } = response;
    const words = wordsOf((await response.text()).trim());
    if (status === 401)
      return new ChatError('BAD_OPTION', `${this.url.href}: it wants a login: http://user:password@host:port`);
    const code: ErrorCode | undefined =
      status === 409 ? 'NAMESPACE_EXISTS' : status === 400 ? (ask.bad ?? 'BAD_OPTION') : undefined;
    if (code !== undefined) return new ChatError(code, words);
    return this.failure(`it answered ${status} ${words}`);
  }
}

/** Of `{ error }` as of a text. */
function wordsOf(text: string): string {
  let words = text;
  try {
    const { error, Error: other } = JSON.parse(text) as { error?: unknown; Error?: unknown };
    words = String(error ?? other ?? text);
  } catch {
    // No JSON: one line of text.
  }
  return words.replaceAll(/\s+/g, ' ').slice(0, MAX_WORDS);
}
