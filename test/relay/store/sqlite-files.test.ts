// Long content, which the SQLite engine keeps in files: they come, stay and go with their messages, whatever happens.

import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect } from 'chai';
import Libsql from 'libsql';
import { openSqliteStore } from '../../../relay/store/sqlite.ts';
import { DatabaseLink } from '../../../relay/store/sqlite-link.ts';
import { newMessageRow } from '../../../relay/store/sqlite-rows.ts';
import { serve } from '../../../relay/store/sqlite-serve.ts';
import { Directory, inThisThread, serveHere } from './sqlite-place.ts';
import { contentOf, delivered, newMessage, onFresh, pattern, put, storeFailed, to } from './support.ts';

const LONG = 400_000;
const PIECE = 65_536;

describe('SQLite store: files with content', () => {
  let directory: Directory;

  beforeEach(async () => {
    directory = await Directory.make();
  });

  afterEach(() => directory.remove());

  it('has a file for long content only, which its owner alone can read', async () => {
    const store = await serveHere(directory.file);
    for (const size of [0, 10, PIECE, PIECE + 1, 2 * PIECE]) await put(store, pattern(size));
    expect(await directory.files()).to.deep.equal([]);
    await put(store, pattern(2 * PIECE + 1));
    const [file, ...others] = await directory.files();
    expect(others).to.deep.equal([]);
    expect((await readFile(file!)).equals(pattern(2 * PIECE).subarray(PIECE))).to.equal(true);
    expect((await stat(file!)).mode & 0o077).to.equal(0);
    expect((await stat(dirname(file!))).mode & 0o077).to.equal(0);
    await store.close();
  });

  it('removes the file of a message that is deleted, trimmed or delivered', async () => {
    const store = await serveHere(directory.file);
    const ids = [await put(store, pattern(LONG)), await put(store, pattern(LONG)), await put(store, pattern(LONG))];
    await put(store, pattern(LONG), to('relay', 'a@x'));
    const [claim] = await store.claim('me', 9000, 1000, 1);
    expect(await store.settle(claim!.recipients.map(delivered), { forgetDelivered: true })).to.equal(1);
    await store.delete([ids[1]!]);
    await store.trim(1);
    // Closing waits for the sweeper.
    await store.close();
    const [kept, ...others] = await directory.files();
    expect(others).to.deep.equal([]);
    expect((await readFile(kept!)).length).to.equal(Math.floor(LONG / PIECE) * PIECE - PIECE);
    const again = await serveHere(directory.file);
    expect((await contentOf(again, ids[2]!)).equals(pattern(LONG))).to.equal(true);
    await again.close();
  });

  // With threads: a connection of this one would not be closed for good.
  it('removes at its start what a program left that died, and nothing that is in use', async () => {
    const first = await openSqliteStore(directory);
    const id = await put(first, pattern(LONG));
    const [file] = await directory.files();
    const orphan = join(dirname(file!), Buffer.from('0'.repeat(22)).toString('hex'));
    await writeFile(orphan, 'left');
    const second = await openSqliteStore(directory);
    expect(await directory.files()).to.have.members([file, orphan]);
    await Promise.all([first.close(), second.close()]);
    const third = await openSqliteStore(directory);
    expect(await directory.files()).to.deep.equal([file]);
    expect((await contentOf(third, id)).equals(pattern(LONG))).to.equal(true);
    await third.close();
  });

  it('leaves the files of another database alone that stood in its place', async () => {
    const first = await serveHere(directory.file);
    await put(first, pattern(LONG));
    await first.close();
    await rm(directory.file);
    const second = await serveHere(directory.file);
    await put(second, pattern(LONG));
    expect(await directory.files()).to.have.length(2);
    await second.close();
  });

  it('fails rather than give content whose file is cut short or missing', async () => {
    const store = await serveHere(directory.file);
    const id = await put(store, pattern(LONG));
    const [file] = await directory.files();
    await truncate(file!, PIECE + 1);
    await storeFailed(contentOf(store, id));
    await rm(file!);
    expect((await storeFailed(contentOf(store, id))).message).to.contain('is missing');
    expect(await store.delete([id])).to.equal(1);
    await store.close();
    expect(directory.ask('SELECT count(*) FROM loose')).to.equal(0);
  });

  it('accepts no message of whose file a part is missing', async () => {
    const { port1, port2 } = new MessageChannel();
    const link = new DatabaseLink(port1, directory.file);
    serve(port2, { file: directory.file, busyMs: 50, synced: true });
    const id = '0'.repeat(22);
    const piece = (n: number): Promise<unknown> => link.call('piece', { id, n, bytes: new Uint8Array(PIECE) });
    const row = newMessageRow(id, newMessage(), { size: 3 * PIECE + 1, pieces: 3, tail: new Uint8Array(1) }, null);
    await piece(0);
    await storeFailed(piece(2));
    await piece(1);
    expect((await storeFailed(link.call('accept', row))).message).to.contain('a part of the content was not stored');
    await piece(2);
    await link.call('accept', row);
    await link.close();
    expect((await stat((await directory.files())[0]!)).size).to.equal(2 * PIECE);
  });

  it(
    'keeps the file through a commit that failed, and of a message that shares the commit with a bad one',
    onFresh(inThisThread, async ({ store }) => {
      const [long, bad] = [store.begin(), store.begin()];
      await Promise.all([long.write(pattern(LONG)), bad.write(pattern(LONG))]);
      const [good, refused] = [long.commit(newMessage()), bad.commit(newMessage(to('capture', 'nul\0')))];
      await storeFailed(refused);
      await good;
      expect((await contentOf(store, long.id)).equals(pattern(LONG))).to.equal(true);
      expect((await store.counts()).messages).to.equal(1);
    }),
  );

  it('refuses long content when there can be no file, and goes on with short', async () => {
    const store = await serveHere(directory.file);
    await writeFile(`${directory.file}-content`, 'in the way');
    await storeFailed(put(store, pattern(LONG)));
    const id = await put(store, 'short');
    expect((await store.list(10)).map((message) => message.id)).to.deep.equal([id]);
    await store.close();
    expect(directory.ask('SELECT (SELECT count(*) FROM piece) + (SELECT count(*) FROM loose)')).to.equal(0);
  });

  it('reads long content of an older version, which is in the database', async () => {
    const store = await serveHere(directory.file);
    const id = await put(store, pattern(LONG));
    const other = new Libsql(directory.file);
    const insert = other.prepare('INSERT INTO piece (id, n, bytes) VALUES (?, ?, ?)');
    const [file] = await directory.files();
    const bytes = await readFile(file!);
    for (let n = 1; n <= bytes.length / PIECE; n++) insert.run([id, n, bytes.subarray((n - 1) * PIECE, n * PIECE)]);
    other.close();
    await rm(file!);
    expect((await contentOf(store, id)).equals(pattern(LONG))).to.equal(true);
    await store.close();
  });
});
