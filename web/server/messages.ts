// What the views ask the store for: a page of messages, one message, the beginning of a source.
import { MESSAGE_ID } from '../../relay/store/message-id.ts';
import type { MessageSummary, Store, StoredMessage } from '../../relay/store/store.ts';

export interface MessageList {
  readonly messages: readonly MessageSummary[];
  /** `before` of the next page; null when this is the last one. */
  readonly older: number | null;
}

export interface SourceStart {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

export async function listMessages(store: Store, limit: number, before?: number): Promise<MessageList> {
  // One more than asked for: whether there is a next page is known without counting.
  const found = await store.list(limit + 1, before);
  const messages = found.slice(0, limit);
  return { messages, older: found.length > limit ? messages.at(-1)!.seq : null };
}

export async function findMessage(store: Store, id: string): Promise<StoredMessage | undefined> {
  return MESSAGE_ID.test(id) ? store.get(id) : undefined;
}

/** The first `limit` bytes of the content; undefined when there is no such message. */
export async function readSource(store: Store, id: string, limit: number): Promise<SourceStart | undefined> {
  const content = await store.content(id);
  if (content === undefined) return undefined;
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of content) {
    pieces.push(piece);
    length += piece.length;
    if (length > limit) break;
  }
  return { bytes: Buffer.concat(pieces, Math.min(length, limit)), isWhole: length <= limit };
}
