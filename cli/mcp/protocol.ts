// The Model Context Protocol: which versions there are, how a client begins, which methods it may call. Clients up to
// 2025-11-25 begin with `initialize`; since 2026-07-28 each request tells its version in `_meta`, and nothing has to be
// remembered between two of them. Both are served, by the same process if need be.
import { type Params, RPC, RpcError, type RpcHandler } from './json-rpc.ts';

/** Newest first. */
const SESSION_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;
const STATELESS_VERSION = '2026-07-28';
export const VERSIONS: readonly string[] = [STATELESS_VERSION, ...SESSION_VERSIONS];

const META = 'io.modelcontextprotocol/';
const UNSUPPORTED_VERSION = -32022;
/** The tools are the same as long as the program runs; a client may keep the list for an hour. */
const CACHED = { ttlMs: 3_600_000, cacheScope: 'public' } as const;

export interface ToolDescription {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: object;
  readonly annotations: object;
}

export interface ToolResult {
  readonly content: readonly { readonly type: 'text'; readonly text: string }[];
  readonly structuredContent?: object;
  readonly isError: boolean;
}

export interface Tools {
  readonly list: readonly ToolDescription[];
  /** Null when there is no such tool. */
  call(name: string, given: unknown, signal: AbortSignal): Promise<ToolResult | null>;
}

export interface ServerInfo {
  readonly name: string;
  readonly title: string;
  readonly version: string;
}

export class Protocol implements RpcHandler {
  readonly #tools: Tools;
  readonly #info: ServerInfo;
  readonly #instructions: string;
  readonly #failed: RpcHandler['failed'];
  #isInitialized = false;

  constructor(tools: Tools, info: ServerInfo, instructions: string, failed: RpcHandler['failed']) {
    this.#tools = tools;
    this.#info = info;
    this.#instructions = instructions;
    this.#failed = failed;
  }

  failed(method: string, error: unknown): void {
    this.#failed(method, error);
  }

  async request(method: string, params: Params, signal: AbortSignal): Promise<object> {
    const meta = (params['_meta'] ?? {}) as Params;
    const version = meta[`${META}protocolVersion`];
    if (version !== undefined) return this.#stateless(method, params, meta, version, signal);
    if (method === 'initialize') return this.#initialize(params);
    if (method === 'ping') return {};
    if (!this.#isInitialized) {
      const why = `there was no initialize, and _meta has no ${META}protocolVersion`;
      throw new RpcError(RPC.invalidParams, why, { supported: VERSIONS });
    }
    return this.#run(method, params, signal);
  }

  #initialize({ protocolVersion }: Params): object {
    if (typeof protocolVersion !== 'string') throw new RpcError(RPC.invalidParams, 'protocolVersion is missing');
    this.#isInitialized = true;
    const known = SESSION_VERSIONS.find((one) => one === protocolVersion);
    return {
      // Another one than it asked for: it decides whether it goes on.
      protocolVersion: known ?? SESSION_VERSIONS[0],
      capabilities: { tools: {} },
      serverInfo: this.#info,
      instructions: this.#instructions,
    };
  }

  async #stateless(method: string, params: Params, meta: Params, version: unknown, signal: AbortSignal) {
    if (version !== STATELESS_VERSION) {
      const data = { supported: VERSIONS, requested: version };
      throw new RpcError(UNSUPPORTED_VERSION, 'Unsupported protocol version', data);
    }
    const capabilities = meta[`${META}clientCapabilities`];
    if (typeof capabilities !== 'object' || capabilities === null) {
      throw new RpcError(RPC.invalidParams, `_meta has no ${META}clientCapabilities`);
    }
    const result = method === 'server/discover' ? this.#discover() : await this.#run(method, params, signal);
    const cached = method === 'tools/call' ? {} : CACHED;
    return { ...result, ...cached, resultType: 'complete', _meta: { [`${META}serverInfo`]: this.#info } };
  }

  #discover(): object {
    return { supportedVersions: VERSIONS, capabilities: { tools: {} }, instructions: this.#instructions };
  }

  async #run(method: string, params: Params, signal: AbortSignal): Promise<object> {
    if (method === 'tools/list') return this.#listTools(params);
    if (method === 'tools/call') return this.#callTool(params, signal);
    throw new RpcError(RPC.methodNotFound, `there is no method ${String(method).slice(0, 100)}`);
  }

  #listTools({ cursor }: Params): object {
    // All are on the first page.
    if (cursor !== undefined) throw new RpcError(RPC.invalidParams, 'there is no such page');
    return { tools: this.#tools.list };
  }

  async #callTool({ name, arguments: given = {} }: Params, signal: AbortSignal): Promise<object> {
    if (typeof name !== 'string') throw new RpcError(RPC.invalidParams, 'name is missing');
    const result = await this.#tools.call(name, given, signal);
    if (result === null) throw new RpcError(RPC.invalidParams, `Unknown tool: ${name.slice(0, 100)}`);
    return result;
  }
}
