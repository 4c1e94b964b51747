// Answers that are made while they are sent: a mail of a gigabyte, a list of whole mails, events without end. A piece is
// made when the client has taken the one before, so that nothing gathers here.
import type { Request, Web } from '../context.ts';

/**
 * The first piece is awaited before the headers: what fails at once can still be told. `cancelled` is called when the
 * client goes away, before the iterator is asked to end.
 */
export async function answerStream(
  c: Request,
  web: Web,
  pieces: AsyncIterator<Uint8Array>,
  headers: Readonly<Record<string, string>>,
  cancelled: () => void = () => {},
): Promise<Response> {
  const first = await pieces.next();
  return c.body(
    streamOf(first, pieces, (error) => cutShort(c, web, error), cancelled),
    200,
    headers,
  );
}

export async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield Buffer.from(text);
}

function streamOf(
  first: IteratorResult<Uint8Array>,
  pieces: AsyncIterator<Uint8Array>,
  failed: (error: unknown) => 'told' | 'untold',
  cancelled: () => void,
): ReadableStream<Uint8Array> {
  let next: IteratorResult<Uint8Array> | undefined = first;
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
        cancelled();
        await pieces.return?.();
      },
    },
    // One piece at a time, and none before it is asked for.
    { highWaterMark: 0 },
  );
}

/** The status is out, so only the end of the connection can tell that this is not the whole of it. */
function cutShort(c: Request, { log }: Web, error: unknown): 'told' | 'untold' {
  log.error('web.failed', { method: c.req.method, path: c.req.path, error });
  // Not through the stream: the adapter would print the error's stack, and its text to the client.
  const connection = c.env?.outgoing;
  connection?.destroy();
  return connection ? 'told' : 'untold';
}
