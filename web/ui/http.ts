// Asking the server: relative to where the page stands, so that any base path works. What goes wrong becomes an error
// whose message is one line that can be shown as it is.

const LINE_MAX = 400;

export class AskError extends Error {
  /** 0 when there was no answer at all. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'AskError';
    this.status = status;
  }
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Sent even when the page is being closed. */
  readonly keepalive?: boolean;
}

/** The whole address of a path of the server's, `api/v1/messages`. */
export function addressOf(path: string): string {
  return new URL(path, document.baseURI).href;
}

/** Rejects with AskError, or with the signal's AbortError. */
export async function ask(
  path: string,
  { method = 'GET', body, signal, keepalive = false }: Ask = {},
): Promise<Response> {
  const init: RequestInit = { method, keepalive };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    init.headers = { 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(addressOf(path), init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new AskError(0, 'the server does not answer');
  }
  if (!response.ok) throw new AskError(response.status, await problemOf(response));
  return response;
}

export async function askJson<T>(path: string, how?: Ask): Promise<T> {
  const response = await ask(path, how);
  return (await response.json()) as T;
}

/** `{a: 1, b: undefined}` becomes `?a=1`. */
export function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** What to show of anything that was thrown. */
export function lineOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function problemOf(response: Response): Promise<string> {
  const text = (await response.text().catch(() => '')).trim();
  return (fromJson(text) ?? text.split('\n', 1)[0]!).slice(0, LINE_MAX) || `the server answered ${response.status}`;
}

/** Errors come as text, or as JSON with one of these keys. */
function fromJson(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const { error, Error: Other, message } = JSON.parse(text) as Record<string, unknown>;
    const found = error ?? Other ?? message;
    if (typeof found === 'string') return found;
    return typeof found === 'object' && found !== null && 'message' in found ? String(found.message) : undefined;
  } catch {
    return undefined;
  }
}
