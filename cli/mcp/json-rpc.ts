// JSON-RPC 2.0 over lines, as the stdio transport of the Model Context Protocol wants it: a message a line, answers in the
// order in which they are ready. Knows messages, not what they mean.
import type { Readable } from 'node:stream';

/** The codes of JSON-RPC 2.0, 5.1. */
export const RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
} as const;

export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export type Params = Readonly<Record<string, unknown>>;

/** What answers. A request whose signal is aborted is answered by nobody. */
export interface RpcHandler {
  /** Rejects with RpcError; anything else is told as an internal error. */
  request(method: string, params: Params, signal: AbortSignal): Promise<object>;
  /** Bugs and the like, for the log. */
  failed(method: string, error: unknown): void;
}

type Id = string | number;

/** A mail with its attachments as JSON fits; nothing else needs as much. */
const MAX_LINE = 100 * 1024 * 1024;
const MAX_BATCH = 100;

export class RpcServer {
  readonly #handler: RpcHandler;
  readonly #write: (line: string) => Promise<void>;
  readonly #running = new Map<Id, AbortController>();

  constructor(handler: RpcHandler, write: (line: string) => Promise<void>) {
    this.#handler = handler;
    this.#write = write;
  }

  /** Resolves when the input has ended; what is under way then is given up. */
  async serve(input: Readable): Promise<void> {
    const under = new Set<Promise<void>>();
    for await (const line of linesOf(input)) {
      const answered = this.#line(line).finally(() => under.delete(answered));
      under.add(answered);
    }
    for (const one of this.#running.values()) one.abort();
    await Promise.all(under);
  }

  async #line(line: string | null): Promise<void> {
    if (line?.trim() === '') return;
    let message: unknown;
    try {
      if (line === null) throw new Error(`a line has at most ${MAX_LINE} bytes`);
      message = JSON.parse(line);
    } catch (error) {
      return this.#say(failure(null, RPC.parseError, `no JSON: ${(error as Error).message}`));
    }
    if (!Array.isArray(message)) {
      const answer = await this.#message(message);
      return answer === null ? undefined : this.#say(answer);
    }
    // JSON-RPC 2.0, 6; MCP had it until 2025-03-26.
    if (message.length === 0 || message.length > MAX_BATCH) {
      return this.#say(failure(null, RPC.invalidRequest, `a batch has 1 to ${MAX_BATCH} messages`));
    }
    const answers = (await Promise.all(message.map((one) => this.#message(one)))).filter((one) => one !== null);
    return answers.length === 0 ? undefined : this.#say(answers);
  }

  /** Null for what gets no answer. */
  async #message(message: unknown): Promise<object | null> {
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      return failure(null, RPC.invalidRequest, 'a message is an object');
    }
    const { jsonrpc, id, method, params = {} } = message as Record<string, unknown>;
    const known = typeof id === 'string' || Number.isSafeInteger(id) ? (id as Id) : null;
    // An answer: nothing was asked.
    if (method === undefined && ('result' in message || 'error' in message)) return null;
    const isBad = jsonrpc !== '2.0' || typeof method !== 'string' || ('id' in message && known === null);
    if (isBad) return failure(known, RPC.invalidRequest, 'a request has jsonrpc "2.0", an id and a method');
    const isObject = typeof params === 'object' && params !== null && !Array.isArray(params);
    if (known === null) {
      if (isObject) this.#notice(method, params as Params);
      return null;
    }
    if (!isObject) return failure(known, RPC.invalidParams, 'params must be an object');
    if (this.#running.has(known)) return failure(known, RPC.invalidRequest, 'a request with this id is under way');
    return this.#request(known, method, params as Params);
  }

  async #request(id: Id, method: string, params: Params): Promise<object | null> {
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      const result = await this.#handler.request(method, params, controller.signal);
      return controller.signal.aborted ? null : { jsonrpc: '2.0', id, result };
    } catch (error) {
      if (controller.signal.aborted) return null;
      if (error instanceof RpcError) return failure(id, error.code, error.message, error.data);
      this.#handler.failed(method, error);
      return failure(id, RPC.internalError, 'the server failed to answer this; its log tells why');
    } finally {
      this.#running.delete(id);
    }
  }

  #notice(method: string, { requestId }: Params): void {
    if (method === 'notifications/cancelled') this.#running.get(requestId as Id)?.abort();
  }

  #say(answer: object): Promise<void> {
    return this.#write(`${JSON.stringify(answer)}\n`);
  }
}

function failure(id: Id | null, code: number, message: string, data?: unknown): object {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } };
}

/** Without their ends; null for one that is too long, of which nothing is kept. */
async function* linesOf(input: Readable): AsyncGenerator<string | null> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of input as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      const tooLong = length + end - from > MAX_LINE;
      yield tooLong ? null : Buffer.concat([...pieces, chunk.subarray(from, end)]).toString('utf8');
      [pieces, length, from] = [[], 0, end + 1];
    }
    length += chunk.length - from;
    if (length <= MAX_LINE) pieces.push(chunk.subarray(from));
    else pieces = [];
  }
  if (length > 0) yield length > MAX_LINE ? null : Buffer.concat(pieces).toString('utf8');
}
