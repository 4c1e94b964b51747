// What a language model can do with an inbox: thin calls of the HTTP API of a running lonedot. Arguments are checked by
// the schemas that the client is told; what is wrong with them, and what the server refuses, is a result that the model
// can read and mend.
import { z } from 'zod';
import { OWN, type SinkApi } from '../../testing/sink/api.ts';
import type { ToolDescription, ToolResult, Tools } from './protocol.ts';

/** Characters of a text or a source that are given at most; the rest is told to be missing. */
const MAX_TEXT = 20_000;
const MAX_WAIT_S = 280;

const id = z.string().regex(/^[0-9A-Za-z]{22}$/, 'must be the id of a mail');
const query = z.string().min(1).max(10_000);
const limit = z.int().min(1).max(100).default(20).describe('How many at most');
const SEARCH =
  'Words, "exact words", from:, to:, subject:, body:, rcpt:, header:Name=value, tag:, is:unread, has:attachment, ' +
  'after:2026-01-31, larger:1mb, /regex/, -not, OR, parentheses';

const listed = {
  limit,
  before: z.int().min(1).optional().describe('A seq: only older mails; `older` of the page before'),
};

interface Tool<T extends z.ZodObject = z.ZodObject> {
  readonly title: string;
  readonly description: string;
  readonly takes: T;
  readonly isReadOnly: boolean;
  /** It deletes what cannot be had back. */
  readonly isDestructive?: boolean;
  run(api: Inbox, given: z.infer<T>): Promise<object>;
}

/** Keeps what each tool takes and what it is run with together. */
function tool<T extends z.ZodObject>(one: Tool<T>): Tool {
  return one as unknown as Tool;
}

const TOOLS: Readonly<Record<string, Tool>> = {
  list_mails: tool({
    title: 'List mails',
    description:
      'The mails in the inbox, newest first, with subject, people and a snippet. `older` leads to the next page.',
    takes: z.strictObject(listed),
    isReadOnly: true,
    run: (inbox, given) => inbox.page(given),
  }),
  search_mails: tool({
    title: 'Search mails',
    description: `Finds mails, newest first. ${SEARCH}.`,
    takes: z.strictObject({ query: query.describe(SEARCH), ...listed }),
    isReadOnly: true,
    run: (inbox, given) => inbox.page(given),
  }),
  read_mail: tool({
    title: 'Read a mail',
    description:
      'One mail: people, text, links, one-time codes, attachments, envelope. HTML, all header fields, the source and the ' +
      'SMTP dialogue only when they are asked for.',
    takes: z.strictObject({
      id: z.union([id, z.literal('latest')]).describe('The id of a mail; latest is the newest'),
      query: query.optional().describe('With latest: the newest that this search finds'),
      include: z
        .array(z.enum(['html', 'headers', 'raw', 'transcript']))
        .default([])
        .describe('What else is wanted'),
    }),
    isReadOnly: true,
    run: (inbox, given) => inbox.mail(given),
  }),
  wait_for_mail: tool({
    title: 'Wait for a mail',
    description:
      'Waits until enough mails match, and gives them with their links and one-time codes. Mails that have come already ' +
      'count, unless `after` is given: take `cursor` of list_mails before the action that sends the mail.',
    takes: z.strictObject({
      query: query.optional().describe(`Any mail when absent. ${SEARCH}`),
      after: z.int().min(0).default(0).describe('A cursor: only what came behind it'),
      count: z.int().min(1).max(100).default(1).describe('How many mails'),
      timeout: z.number().min(0).max(MAX_WAIT_S).default(30).describe('Seconds'),
    }),
    isReadOnly: true,
    run: (inbox, given) => inbox.wait(given),
  }),
  send_mail: tool({
    title: 'Send a mail to the inbox',
    description: 'Puts a mail into this inbox as if a program had sent it. It is delivered to nobody.',
    takes: z.strictObject({
      from: z.string().max(320).describe('An address'),
      to: z.array(z.string().max(320)).max(1000).default([]),
      cc: z.array(z.string().max(320)).max(1000).default([]),
      bcc: z.array(z.string().max(320)).max(1000).default([]),
      subject: z.string().max(10_000).default(''),
      text: z.string().default(''),
      html: z.string().default(''),
      headers: z.record(z.string(), z.string()).default({}).describe('Further header fields'),
    }),
    isReadOnly: false,
    run: (inbox, given) => inbox.send(given),
  }),
  delete_mails: tool({
    title: 'Delete mails',
    description: 'Deletes the mails with these ids, or all that a search finds, or with `all` every mail.',
    takes: z
      .strictObject({
        ids: z.array(id).min(1).max(1000).optional(),
        query: query.optional().describe(SEARCH),
        all: z.literal(true).optional(),
      })
      .refine(
        (given) => Object.values(given).filter((one) => one !== undefined).length === 1,
        'needs ids, query or all',
      ),
    isReadOnly: false,
    isDestructive: true,
    run: (inbox, { ids, query: found }) => inbox.delete({ ids, query: found }),
  }),
};

/** `namespace`: the only one that is seen. */
export function inboxTools(api: SinkApi, namespace: string | undefined): Tools {
  return {
    list: Object.entries(TOOLS).map(([name, one]) => describe(name, one)),
    call: async (name, given, signal) => {
      const found = Object.hasOwn(TOOLS, name) ? TOOLS[name]! : null;
      if (found === null) return null;
      const parsed = found.takes.safeParse(given);
      if (!parsed.success) return refusal(problemOf(parsed.error));
      try {
        return resultOf(await found.run(new Inbox(api, namespace, signal), parsed.data));
      } catch (error) {
        if (signal.aborted || (error as Error).name !== 'ChatError') throw error;
        return refusal((error as Error).message);
      }
    },
  };
}

function describe(
  name: string,
  { title, description, takes, isReadOnly, isDestructive = false }: Tool,
): ToolDescription {
  const { $schema: _, ...inputSchema } = z.toJSONSchema(takes, { io: 'input' });
  const destructive = isReadOnly ? {} : { destructiveHint: isDestructive };
  const annotations = { title, readOnlyHint: isReadOnly, ...destructive, openWorldHint: false };
  return { name, title, description, inputSchema, annotations };
}

function problemOf({ issues }: z.ZodError): string {
  const [issue] = issues;
  const where = issue?.path.map(String).join('.');
  return `bad arguments: ${where ? `${where}: ` : ''}${issue?.message ?? 'they are not what is expected'}`;
}

function refusal(text: string): ToolResult {
  return { content: [{ type: 'text', text }], isError: true };
}

function resultOf(found: object): ToolResult {
  const isError = 'error' in found;
  return { content: [{ type: 'text', text: JSON.stringify(found) }], structuredContent: found, isError };
}

interface MessageJson {
  readonly id: string;
  readonly mail: {
    readonly text: string;
    readonly html: string;
    readonly headers: readonly { readonly name: string; readonly value: string }[];
    readonly attachments: readonly object[];
    readonly inline: readonly object[];
    readonly tree: object;
  };
  readonly recipients: readonly { readonly address: string }[];
}

/** The questions of one call. */
class Inbox {
  readonly #api: SinkApi;
  readonly #base: string;
  readonly #signal: AbortSignal;
  readonly #scope: string;

  constructor(api: SinkApi, namespace: string | undefined, signal: AbortSignal) {
    this.#api = api;
    this.#signal = signal;
    this.#scope = namespace === undefined ? '' : `ns/${encodeURIComponent(namespace)}/`;
    this.#base = namespace === undefined ? OWN : `${OWN}/ns/${encodeURIComponent(namespace)}`;
  }

  async page(ask: { limit: number; before?: number | undefined; query?: string | undefined }): Promise<object> {
    const page = await this.#get<{ messages: readonly Summary[]; [name: string]: unknown }>('/messages', ask);
    const { messages, older, cursor, total, unread, matching } = page;
    return { mails: messages.map(brief), older, cursor, total, unread, matching };
  }

  async mail({ id: wanted, query: found, include }: { id: string; query?: string | undefined; include: string[] }) {
    const message = await this.#get<MessageJson>(`/messages/${wanted}`, { query: found });
    const path = `/messages/${message.id}`;
    const has = (what: string) => include.includes(what);
    const [{ links, codes }, transcript, raw] = await Promise.all([
      this.#get<{ links: readonly string[]; codes: readonly string[] }>(`${path}/extract`),
      has('transcript') ? this.#get<{ lines: readonly object[] }>(`${path}/transcript`) : null,
      has('raw') ? this.#api.bytes(`${this.#scope}api/v1/message/${message.id}/raw`) : null,
    ]);
    const { mail, recipients, ...envelope } = message;
    const { text, html, headers, tree: _, ...rest } = mail;
    return {
      ...envelope,
      recipients: recipients.map(({ address }) => address),
      ...rest,
      text: cut(text),
      hasHtml: html !== '',
      links,
      codes,
      ...(has('html') ? { html: cut(html) } : {}),
      ...(has('headers') ? { headers: headers.map(({ name, value }) => ({ name, value })) } : {}),
      ...(transcript ? { transcript: transcript.lines } : {}),
      ...(raw ? { raw: cut(raw.toString('utf8')) } : {}),
    };
  }

  /** On time-out what came instead, which the server tells in one line. */
  async wait({ timeout, ...ask }: { query?: string | undefined; after: number; count: number; timeout: number }) {
    const waited = await this.#get<{ messages: readonly Summary[]; cursor: number }>(
      '/wait',
      { ...ask, timeout: `${Math.round(timeout * 1000)}ms` },
      timeout * 1000,
    );
    if (!('error' in waited)) return { mails: waited.messages.map(brief), cursor: waited.cursor };
    const { error, misses, cursor } = waited as unknown as Missed;
    return { error, misses: misses.map(({ message, lacks }) => ({ ...brief(message), lacks })), cursor };
  }

  async send(
    given: { from: string; to: string[]; cc: string[]; bcc: string[]; subject: string } & Texts,
  ): Promise<object> {
    const { from, to, cc, bcc, subject, text, html, headers } = given;
    const named = (all: readonly string[]) => all.map((Email) => ({ Email }));
    const body = {
      ...{ From: { Email: from }, To: named(to), Cc: named(cc), Bcc: bcc },
      ...{ Subject: subject, Text: text, HTML: html, Headers: headers },
    };
    const { ID } = await this.#api.json<{ ID: string }>('POST', 'api/v1/send', { body, signal: this.#signal });
    return { id: ID };
  }

  delete({ ids, query: found }: { ids?: string[] | undefined; query?: string | undefined }): Promise<object> {
    const body = { ...(ids ? { ids } : {}), ...(found === undefined ? {} : { query: found }) };
    return this.#api.json<object>('DELETE', `${this.#base}/messages`, { body, signal: this.#signal });
  }

  #get<T>(path: string, query: Readonly<Record<string, unknown>> = {}, waitMs = 0): Promise<T> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    return this.#api.json<T>('GET', `${this.#base}${path}`, {
      query: Object.fromEntries(given.map(([name, value]) => [name, String(value)])),
      signal: this.#signal,
      withinMs: waitMs + this.#api.answerMs,
      alsoFine: [408],
    });
  }
}

interface Texts {
  readonly text: string;
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Summary {
  readonly parsed: boolean;
  readonly [name: string]: unknown;
}

interface Missed {
  readonly error: string;
  readonly misses: readonly { readonly message: Summary; readonly lacks: readonly string[] }[];
  readonly cursor: number;
}

/** Without what says nothing: a model pays for every word. */
function brief(summary: Summary): Readonly<Record<string, unknown>> {
  const { parsed: _, ...rest } = summary;
  const isEmpty = (value: unknown) => value === '' || value === 0 || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => !isEmpty(value)));
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}\n[${text.length - MAX_TEXT} characters more]`;
}
