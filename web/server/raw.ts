// The source of a message as it was received, streamed out of the store: a message of a gigabyte costs no more memory
// than a small one.
import type { Handler, Request, Web } from './context.ts';
import { NOT_FOUND, summaryFor } from './frame/ask.ts';
import { Refusal } from './frame/refusal.ts';
import { answerStream } from './frame/stream.ts';
import { findMessage } from './messages.ts';

/** Mailpit's `/raw`; `dl=1` makes a file of it. */
export const rawSource: Handler = async (c, web) => {
  const headers: Record<string, string> = { 'Content-Type': 'text/plain; charset=utf-8' };
  return answerSource(c, web, await messageIn(c, web), headers, c.req.query('dl') === '1');
};

export async function answerSource(
  c: Request,
  web: Web,
  { id, size }: { readonly id: string; readonly size: number },
  headers: Record<string, string>,
  isFile: boolean,
): Promise<Response> {
  // With the length a client can tell a message from the part of one that it got before something failed.
  headers['Content-Length'] = String(size);
  if (isFile) headers['Content-Disposition'] = `attachment; filename="${id}.eml"`;
  if (c.req.method === 'HEAD') return c.body(null, 200, headers);
  const content = await web.store.content(id);
  if (!content) throw new Refusal(404, NOT_FOUND);
  return answerStream(c, web, content[Symbol.asyncIterator](), headers);
}

/** Of the inbox, which knows `latest` and namespaces; where there is none, of the store. */
async function messageIn(c: Request, web: Web): Promise<{ readonly id: string; readonly size: number }> {
  if (web.inbox) return summaryFor(c, web);
  const found = await findMessage(web.store, c.req.param('id') ?? '');
  if (!found) throw new Refusal(404, NOT_FOUND);
  return found;
}
