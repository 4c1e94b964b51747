// Messages from files straight into a database, without a server: stored as if they had come by SMTP, with every line
// ended by CRLF, and captured.
import { LineEndings } from '../../src/lines.ts';
import type { NewMessage, Store } from '../store/store.ts';
import type { IngestTarget } from './ingest.ts';
import type { Submission } from './submit.ts';

const CRLF = Buffer.from('\r\n');

/** Closes the store with itself. */
export function storeTarget(store: Store): IngestTarget {
  return {
    put: async (mail, content) => {
      const writer = store.begin();
      try {
        for await (const piece of wireText(content)) await writer.write(piece);
      } catch (error) {
        writer.abort();
        return { settled: Promise.resolve((error as Error).message) };
      }
      // Begun in their order, so that they are numbered in it; awaited by whoever settles them.
      const settled = writer.commit(messageOf(mail)).then(
        () => null,
        (error: Error) => error.message,
      );
      return { settled };
    },
    close: () => store.close(),
  };
}

function messageOf({ sender, recipients, isUtf8 }: Submission): NewMessage {
  return {
    receivedAt: Date.now(),
    sender,
    parameters: [],
    helo: '',
    clientAddress: '',
    protocol: '',
    tls: '',
    authUser: '',
    traits: isUtf8 ? ['utf8-header'] : [],
    recipients: recipients.map((address) => ({ address, parameters: [], route: 'capture' })),
  };
}

/** The same bytes that SMTP would have brought. */
async function* wireText(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const endings = new LineEndings('normalise', false);
  let last: Buffer = CRLF;
  for await (const piece of content) {
    const bytes = endings.write(piece);
    if (bytes.length === 0) continue;
    yield bytes;
    last = Buffer.from(Buffer.concat([last, bytes.subarray(-2)]).subarray(-2));
  }
  const rest = endings.end();
  if (rest.length > 0) yield rest;
  if (!Buffer.concat([last, rest]).subarray(-2).equals(CRLF)) yield CRLF;
}
