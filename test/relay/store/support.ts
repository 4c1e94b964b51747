// What the store's tests share: where stores are made, and short ways to put mail in and get it out.

import { expect } from 'chai';
import type { ClaimedRecipient, NewMessage, RouteKind, Settlement, Store } from '../../../relay/store/store.ts';
import { type Clock, FakeClock } from '../../../src/clock.ts';
import { ChatError } from '../../../src/errors.ts';

/** A database that can be opened several times, at once or one after the other. */
export interface Place {
  open(clock: Clock): Promise<Store>;
  remove(): Promise<void>;
}

export interface Scene {
  store: Store;
  clock: FakeClock;
  /** Another store on the same database; closed at the end like the first. */
  open(): Promise<Store>;
}

/** Runs a test on a fresh database and leaves nothing behind. */
export function onFresh(newPlace: () => Promise<Place>, test: (scene: Scene) => Promise<void>): () => Promise<void> {
  return async () => {
    const place = await newPlace();
    const clock = new FakeClock();
    const opened: Store[] = [];
    const open = async (): Promise<Store> => {
      const store = await place.open(clock);
      opened.push(store);
      return store;
    };
    try {
      await test({ store: await open(), clock, open });
    } finally {
      // A store that has lost its thread cannot be closed, which is what some tests are about.
      for (const store of opened) await store.close().catch(() => {});
      await place.remove();
    }
  };
}

export function newMessage(changes: Partial<NewMessage> = {}): NewMessage {
  return {
    receivedAt: 5000,
    sender: 'sender@example.com',
    parameters: [],
    helo: 'client.example.com',
    clientAddress: '192.0.2.1',
    protocol: 'ESMTP',
    tls: '',
    authUser: '',
    traits: [],
    recipients: [{ address: 'rcpt@example.org', parameters: [], route: 'capture' }],
    ...changes,
  };
}

export function to(route: RouteKind, ...addresses: string[]): Partial<NewMessage> {
  return { recipients: addresses.map((address) => ({ address, parameters: [], route })) };
}

/** Stores a message; returns its id. */
export async function put(store: Store, content: Buffer | string, changes: Partial<NewMessage> = {}): Promise<string> {
  const writer = store.begin();
  await writer.write(Buffer.from(content));
  await writer.commit(newMessage(changes));
  return writer.id;
}

export async function contentOf(store: Store, id: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const content = await store.content(id);
  if (!content) throw new Error(`no message ${id}`);
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Bytes that are different at every place within reach of a piece, and the same in every run. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 17 + (i >>> 16)) & 0xff;
  return bytes;
}

export function delivered({ recipientId, fence }: Pick<ClaimedRecipient, 'recipientId' | 'fence'>): Settlement {
  return { recipientId, fence, state: 'delivered', nextAttempt: null, attempt: null };
}

/** The promise must be rejected as everything is that the database did not do. */
export async function storeFailed(promise: Promise<unknown> | void): Promise<ChatError> {
  const error = await Promise.resolve(promise).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(ChatError);
  expect((error as ChatError).code).to.equal('STORE_FAILED');
  expect((error as ChatError).message).to.not.match(/[\r\n]/);
  return error as ChatError;
}
