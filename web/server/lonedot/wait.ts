// GET /wait: a long poll that is answered as soon as enough mails match, and GET /events: the same as a stream of
// server-sent events. Whoever goes away costs nothing any more, and the end of the server answers whoever waits.
import type { InboxSummary } from '../../../relay/inbox/inbox.ts';
import type { SearchQuery } from '../../../relay/inbox/search-query.ts';
import type { Clock } from '../../../src/clock.ts';
import type { Handler, Request, Web } from '../context.ts';
import { inboxOf, scopeOf, searchFrom } from '../frame/ask.ts';
import { answerStream, encoded } from '../frame/stream.ts';
import { DEFAULT_WAIT_MS, numberFrom, waitMs } from '../query.ts';
import { type Capture, capturesFrom, foundJson } from './found.ts';
import { MailFollower } from './waiting.ts';

/** Mails in one answer; the cursor leads to the others. */
const MAX_MESSAGES = 100;
/** Of an open stream: proxies close what is silent for a minute. */
const HEARTBEAT_MS = 25_000;
const SOCKET_GRACE_MS = 10_000;

type Found = NonNullable<Awaited<ReturnType<typeof foundJson>>>;

export const wait: Handler = async (c, web) => {
  const asked = c.req.query('query') ?? '';
  const query = await searchFrom(c, web, asked);
  const captures = capturesFrom(c);
  const count = numberFrom(c.req.query('count')) ?? 1;
  const after = numberFrom(c.req.query('after')) ?? 0;
  const timeout = waitMs(c.req.query('timeout') ?? '') ?? DEFAULT_WAIT_MS;
  const follower = new MailFollower(inboxOf(web), { ...scopeOf(c), ...(query ? { query } : {}), after }, web.clock);
  const end = endOf(c, web, timeout);
  end.signal.addEventListener('abort', () => follower.close());
  try {
    const found: Found[] = [];
    // The first look is taken in any case: with timeout=0 it is the only one.
    do {
      const room = Math.max(count, MAX_MESSAGES) - found.length;
      for (const { id } of await follower.take(room)) {
        const one = await foundJson(web, id, captures);
        if (one) found.push(one);
      }
      if (found.length >= count) return c.json({ messages: found, cursor: follower.cursor });
      await follower.changed();
    } while (!end.signal.aborted);
    if (end.signal.reason === 'stopping') return c.json({ error: 'the server is stopping', cursor: after }, 503);
    // Nobody reads it, but the handler has to answer something.
    if (end.signal.reason === 'gone') return c.body(null, 408);
    const { missesOf } = await import('./misses.ts');
    const misses = await missesOf(web, { scope: scopeOf(c), asked, query, after, count, found: found.length });
    // The cursor of the question: with it the next one sees again what was too little now.
    return c.json({ ...misses, found, cursor: after }, 408);
  } finally {
    follower.close();
    end.clear();
  }
};

export const events: Handler = async (c, web) => {
  const query = await searchFrom(c, web, c.req.query('query'));
  const captures = capturesFrom(c);
  const resumed = c.req.header('last-event-id') ?? '';
  const given = /^\d{1,15}$/.test(resumed) ? resumed : c.req.query('after');
  // A listener wants what comes; whoever wants what is there says `after=0`.
  const after = numberFrom(given) ?? (await inboxOf(web).cursor());
  const end = endOf(c, web, null);
  const ask = { ...scopeOf(c), ...(query ? { query } : {}), after };
  const headers = { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' };
  return answerStream(c, web, encoded(eventTexts(web, ask, captures, end)), headers, () => end.abort('gone'));
};

interface EventsAsk {
  readonly namespace?: string;
  readonly query?: SearchQuery;
  readonly after: number;
}

async function* eventTexts(web: Web, ask: EventsAsk, captures: readonly Capture[], end: End): AsyncGenerator<string> {
  const follower = new MailFollower(inboxOf(web), ask, web.clock);
  end.signal.addEventListener('abort', () => follower.close());
  try {
    yield `: from ${ask.after}\n\n`;
    while (!end.signal.aborted) {
      const found: readonly InboxSummary[] = await follower.take(MAX_MESSAGES);
      for (const { id, seq } of found) {
        const one = await foundJson(web, id, captures);
        if (end.signal.aborted) return;
        if (one) yield `event: message\nid: ${seq}\ndata: ${JSON.stringify(one)}\n\n`;
      }
      if (found.length === 0 && !(await changedWithin(follower, HEARTBEAT_MS, web.clock))) yield ': still here\n\n';
    }
  } finally {
    follower.close();
    end.clear();
  }
}

async function changedWithin(follower: MailFollower, ms: number, clock: Clock): Promise<boolean> {
  let timer: unknown;
  const late = new Promise<boolean>((resolve) => {
    timer = clock.setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([follower.changed().then(() => true), late]);
  } finally {
    clock.clearTimeout(timer);
  }
}

interface End {
  readonly signal: AbortSignal;
  abort(reason: EndReason): void;
  clear(): void;
}

type EndReason = 'late' | 'gone' | 'stopping';

/** When waiting is over: the time is, the client went away, or the server stops. */
function endOf(c: Request, web: Web, timeoutMs: number | null): End {
  const end = new AbortController();
  const abort = (reason: EndReason) => end.abort(reason);
  const gone = () => abort('gone');
  const stopping = () => abort('stopping');
  const socket = c.env?.incoming?.socket;
  // The listener ends connections on which nothing happens; here that is the point.
  socket?.setTimeout(timeoutMs === null ? 0 : timeoutMs + SOCKET_GRACE_MS);
  const timer = timeoutMs === null ? null : web.clock.setTimeout(() => abort('late'), timeoutMs);
  c.env?.outgoing?.once('close', gone);
  c.req.raw.signal.addEventListener('abort', gone);
  web.stopping.addEventListener('abort', stopping);
  if (web.stopping.aborted) stopping();
  return {
    signal: end.signal,
    abort,
    clear: () => {
      web.clock.clearTimeout(timer);
      c.env?.outgoing?.removeListener('close', gone);
      c.req.raw.signal.removeEventListener('abort', gone);
      web.stopping.removeEventListener('abort', stopping);
    },
  };
}
