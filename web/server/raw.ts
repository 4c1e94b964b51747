// The source of a message as it was received, streamed out of the store: a message of a gigabyte costs no more memory
// than a small one.
import { answerProblem, NO_MESSAGE } from './answers.ts';
import type { Handler, Request, Web } from './context.ts';
import { findMessage } from './messages.ts';

export const rawSource: Handler = async (c, web) => {
  const id = c.req.param('id') ?? '';
  const message = await findMessage(web.store, id);
  if (!message) return answerProblem(c, 404, NO_MESSAGE);
  const headers: Record<string, string> = {
    'Content-Type': 'text/plain; charset=utf-8',
    // With the length a client can tell a message from the part of one that it got before something failed.
    'Content-Length': String(message.size),
  };
  if (c.req.query('dl') === '1') headers['Content-Disposition'] = `attachment; filename="${id}.eml"`;
  if (c.req.method === 'HEAD') return c.body(null, 200, headers);
  const content = await web.store.content(id);
  if (!content) return answerProblem(c, 404, NO_MESSAGE);
  const pieces = content[Symbol.asyncIterator]();
  // The first piece before the headers: what fails at once can still be told.
  const first = await pieces.next();
  return c.body(
    streamOf(first, pieces, (error) => cutShort(c, web, error)),
    200,
    headers,
  );
};

function streamOf(
  first: IteratorResult<Buffer>,
  pieces: AsyncIterator<Buffer>,
  failed: (error: unknown) => 'told' | 'untold',
): ReadableStream<Uint8Array> {
  let next: IteratorResult<Buffer> | undefined = first;
  let life: 'open' | 'cancelled' = 'open';
  const isCancelled = (): boolean => life === 'cancelled';
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = next ?? (await pieces.next());
          next = undefined;
          if (isCancelled()) return;
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          // Nobody is left to miss what could not be read.
          if (!isCancelled() && failed(error) === 'untold') controller.error(error);
        }
      },
      // The client went away, perhaps while a piece was on its way.
      async cancel() {
        life = 'cancelled';
        await pieces.return?.();
      },
    },
    // One piece at a time, and none before it is asked for.
    { highWaterMark: 0 },
  );
}

/** The status is out, so only the end of the connection can tell that this is not the whole message. */
function cutShort(c: Request, { log }: Web, error: unknown): 'told' | 'untold' {
  log.error('web.failed', { method: c.req.method, path: c.req.path, error });
  // Not through the stream: the adapter would print the error's stack, and its text to the client.
  const connection = c.env?.outgoing;
  connection?.destroy();
  return connection ? 'told' : 'untold';
}
