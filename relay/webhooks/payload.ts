// What a webhook is told of a mail: the summary or the message as the HTTP API gives them, or the mail itself. The shapes
// are Mailpit's, so that what listens to its webhooks listens to these.
import type { Inbox, InboxSummary } from '../inbox/inbox.ts';
import { messageShape, summaryShape } from '../inbox/mailpit-shapes.ts';
import type { Include } from './options.ts';

export interface Payload {
  readonly contentType: string;
  /** Bytes. */
  readonly length: number;
  /** The body from its beginning, each time it is called: once for the signature, once for the request. */
  body(): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>;
}

/** Undefined when the mail is gone. */
export async function payloadOf(inbox: Inbox, summary: InboxSummary, include: Include): Promise<Payload | undefined> {
  const { id, size } = summary;
  if (include === 'summary') return json(summaryShape(summary));
  if (include === 'message') {
    const found = await inbox.message(id);
    if (found === undefined) return undefined;
    const { unsubscribeOf } = await import('../inbox/checks/unsubscribe.ts');
    return json(messageShape(found, unsubscribeOf(found.mail.headers)));
  }
  if ((await inbox.content(id)) === undefined) return undefined;
  return {
    contentType: 'message/rfc822',
    length: size,
    body: async () => {
      const content = await inbox.content(id);
      if (content === undefined) throw new Error('the message was deleted while it was told');
      return content;
    },
  };
}

function json(value: unknown): Payload {
  const bytes = Buffer.from(JSON.stringify(value), 'utf8');
  return { contentType: 'application/json; charset=utf-8', length: bytes.length, body: async () => [bytes] };
}
