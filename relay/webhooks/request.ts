// One request to a webhook: a POST whose body streams, with one deadline for all of it. Redirects are not followed, since
// the operator named one address and no other; of the answer only the status counts, and little of the rest is read.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';

export interface HookAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** An answer that is longer ends the connection, which is otherwise used again. */
const MAX_ANSWER_BYTES = 64 * 1024;

export class HookClient {
  readonly #url: URL;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(url: URL) {
    this.#url = url;
    const options = { keepAlive: true, maxSockets: 1, timeout: 60_000 };
    this.#agent = url.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /** Rejects when there is no answer before the deadline (milliseconds), or when `signal` says so. */
  async post(
    headers: Readonly<Record<string, string | number>>,
    body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<HookAnswer> {
    const deadline = AbortSignal.timeout(timeoutMs);
    const ended = AbortSignal.any([signal, deadline]);
    try {
      return await this.#exchange({ method: 'POST', agent: this.#agent, headers, signal: ended }, body);
    } catch (error) {
      if (deadline.aborted && !signal.aborted) throw new Error(`no answer within ${timeoutMs} ms`, { cause: error });
      throw error;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #exchange(options: RequestOptions, body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<HookAnswer> {
    const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(this.#url, { ...options, ...credentials(this.#url) });
      request.on('error', reject);
      // 100 and other interim answers come as events of their own.
      request.on('response', (response) => void drain(response).then(resolve));
      // Who answers early and closes has said all that is wanted; a failure of the request itself is told above.
      pipeline(body, request).catch((error: Error) => (request.destroyed ? undefined : request.destroy(error)));
    });
  }
}

async function drain(response: IncomingMessage): Promise<HookAnswer> {
  let bytes = 0;
  try {
    for await (const piece of response) {
      bytes += (piece as Buffer).length;
      if (bytes > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // Broken off, or dripping until the deadline: the status has said all that counts.
  }
  return { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] };
}

/** User and password of the URL, as Basic authentication. */
function credentials({ username, password }: URL): Pick<RequestOptions, 'auth'> {
  if (username === '' && password === '') return {};
  return { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` };
}
