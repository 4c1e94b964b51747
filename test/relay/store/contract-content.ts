// The contract's first part: what goes in comes out, byte for byte, or not at all.

import { expect } from 'chai';
import type { MessageWriter } from '../../../relay/store/store.ts';
import { contentOf, newMessage, onFresh, type Place, pattern, put, storeFailed, to } from './support.ts';

const NOTHING = { messages: 0, recipients: {}, oldestWaiting: null };
const SIZES = [0, 1, 4096, 65535, 65536, 65537, 131072, 3_000_000];

export function contentContract(newPlace: () => Promise<Place>): void {
  for (const size of SIZES) {
    it(
      `gives ${size} bytes back as they came, in one piece or many`,
      onFresh(newPlace, async ({ store }) => {
        const sent = pattern(size);
        const whole = await put(store, sent);
        const writer = store.begin();
        // Not a divisor of anything, and the same memory each time, as a socket's buffer may be.
        const piece = Buffer.alloc(7919);
        for (let at = 0; at < size; at += piece.length) {
          const length = sent.copy(piece, 0, at);
          await writer.write(piece.subarray(0, length));
          piece.fill(0);
        }
        await writer.commit(newMessage());
        for (const id of [whole, writer.id]) {
          expect((await contentOf(store, id)).equals(sent)).to.equal(true);
          expect((await store.get(id))?.size).to.equal(size);
        }
      }),
    );
  }

  it(
    'gives long content in bounded pieces',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, pattern(1_000_000));
      for await (const piece of (await store.content(id))!) expect(piece.length).to.be.within(1, 65536);
    }),
  );

  it(
    'keeps the contents of writers apart that write at the same time',
    onFresh(newPlace, async ({ store }) => {
      const writers = [store.begin(), store.begin(), store.begin()];
      for (let round = 0; round < 30; round++) {
        await Promise.all(writers.map((writer, i) => writer.write(Buffer.alloc(10_000, i))));
      }
      await Promise.all(writers.map((writer) => writer.commit(newMessage())));
      for (const [i, writer] of writers.entries()) {
        expect((await contentOf(store, writer.id)).equals(Buffer.alloc(300_000, i))).to.equal(true);
      }
    }),
  );

  it(
    'makes a writer wait rather than hold much of a long message in memory',
    onFresh(newPlace, async ({ store }) => {
      const writer = store.begin();
      const piece = Buffer.alloc(50_000);
      let taken = piece.length;
      let wait = writer.write(piece);
      for (; taken < 100_000_000 && !wait; taken += piece.length) wait = writer.write(piece);
      expect(taken).to.be.below(2_000_000);
      await wait;
      writer.abort();
    }),
  );

  it(
    'refuses to write while it asks for patience, and stores nothing of such a message',
    onFresh(newPlace, async ({ store }) => {
      const writer = store.begin();
      const wait = writer.write(Buffer.alloc(3_000_000));
      await storeFailed(writer.write(Buffer.from('x')));
      await storeFailed(writer.commit(newMessage()));
      writer.abort();
      await wait;
      expect(await store.counts()).to.deep.equal(NOTHING);
    }),
  );

  it(
    'leaves nothing behind when a message is aborted, short or long, written or not',
    onFresh(newPlace, async ({ store, open }) => {
      for (const size of [0, 100, 500_000]) {
        const writer = store.begin();
        await writer.write(pattern(size));
        writer.abort();
        writer.abort();
        await storeFailed(writer.write(Buffer.from('more')));
        await storeFailed(writer.commit(newMessage()));
        expect(await store.get(writer.id)).to.equal(undefined);
        expect(await store.content(writer.id)).to.equal(undefined);
      }
      expect(await store.list(10)).to.deep.equal([]);
      expect(await store.counts()).to.deep.equal(NOTHING);
      await store.close();
      expect(await (await open()).list(10)).to.deep.equal([]);
    }),
  );

  it(
    'commits a message once, and an abort afterwards changes nothing',
    onFresh(newPlace, async ({ store }) => {
      const writer = store.begin();
      await writer.write(pattern(200_000));
      await writer.commit(newMessage());
      await storeFailed(writer.commit(newMessage()));
      writer.abort();
      expect((await contentOf(store, writer.id)).equals(pattern(200_000))).to.equal(true);
      expect((await store.counts()).messages).to.equal(1);
    }),
  );

  it(
    'rejects a message that it could not give back unchanged, and no other that is committed with it',
    onFresh(newPlace, async ({ store }) => {
      // Asked before, so that a store that keeps count has something to get wrong.
      expect((await store.counts()).messages).to.equal(0);
      const bad = store.begin();
      await bad.write(pattern(200_000));
      const before = put(store, 'before');
      const failing = bad.commit(newMessage(to('relay', 'nul\0@example.org')));
      const after = put(store, 'after');
      await storeFailed(failing);
      bad.abort();
      expect((await contentOf(store, await before)).toString('latin1')).to.equal('before');
      expect((await contentOf(store, await after)).toString('latin1')).to.equal('after');
      expect(await store.content(bad.id)).to.equal(undefined);
      expect(await store.counts()).to.deep.equal({ messages: 2, recipients: { captured: 2 }, oldestWaiting: null });
    }),
  );

  it(
    'makes ids of 22 characters that increase even when the clock is set back, also after reopening',
    onFresh(newPlace, async ({ store, clock, open }) => {
      const writers: MessageWriter[] = [];
      const begin = (from: typeof store): number => writers.push(from.begin());
      for (let i = 0; i < 100; i++) begin(store);
      clock.advance(5);
      begin(store);
      clock.advance(-60_000);
      begin(store);
      await writers.at(-1)?.commit(newMessage());
      await store.close();
      begin(await open());
      const ids = writers.map((writer) => writer.id);
      for (const id of ids) expect(id).to.match(/^[0-9A-Za-z]{22}$/);
      // Compared as bytes, as a database does.
      expect(ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))).to.deep.equal(ids);
      expect(new Set(ids).size).to.equal(ids.length);
    }),
  );

  it(
    'commits what was under way when it is closed, and says so to whoever comes later',
    onFresh(newPlace, async ({ store, open }) => {
      const short = put(store, 'short');
      const long = store.begin();
      await long.write(pattern(900_000));
      const committed = long.commit(newMessage());
      const closing = [store.close(), store.close()];
      await storeFailed(store.counts());
      await Promise.all(closing);
      await committed;
      await storeFailed(store.counts());
      const late = store.begin();
      await storeFailed(late.commit(newMessage()));
      late.abort();
      const again = await open();
      expect((await contentOf(again, await short)).toString('latin1')).to.equal('short');
      expect((await contentOf(again, long.id)).equals(pattern(900_000))).to.equal(true);
    }),
  );

  it(
    'loses none of many messages that are committed at once',
    onFresh(newPlace, async ({ store, open }) => {
      const sizes = Array.from({ length: 150 }, (_, i) => (i % 25 === 0 ? 150_000 + i : 10 * i));
      const ids = await Promise.all(sizes.map((size) => put(store, pattern(size))));
      await store.close();
      const again = await open();
      for (const [i, id] of ids.entries()) {
        expect((await contentOf(again, id)).equals(pattern(sizes[i]!))).to.equal(true);
      }
      expect((await again.counts()).messages).to.equal(150);
    }),
  );

  it(
    'fails rather than give a message short that is deleted while it is read',
    onFresh(newPlace, async ({ store }) => {
      const id = await put(store, pattern(2_000_000));
      const pieces = (await store.content(id))![Symbol.asyncIterator]();
      await pieces.next();
      expect(await store.delete([id])).to.equal(1);
      const rest = async (): Promise<number> => {
        let bytes = 65536;
        for (let next = await pieces.next(); !next.done; next = await pieces.next()) bytes += next.value.length;
        return bytes;
      };
      // Pieces that are still there may be read on; but if the end comes, it is the end of the whole message.
      const end = await rest().catch((error: unknown) => storeFailed(Promise.reject(error)));
      if (typeof end === 'number') expect(end).to.equal(2_000_000);
      expect(await store.content(id)).to.equal(undefined);
    }),
  );
}
