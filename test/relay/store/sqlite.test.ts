// What is the SQLite engine's own: its files, its thread, its locks, its disk. These run the real thread.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { expect } from 'chai';
import Libsql from 'libsql';
import { openSqliteStore, openTemporaryStore, startWorker } from '../../../relay/store/sqlite.ts';
import { DatabaseLink } from '../../../relay/store/sqlite-link.ts';
import { newMessageRow } from '../../../relay/store/sqlite-rows.ts';
import { serve } from '../../../relay/store/sqlite-serve.ts';
import { SqliteStore } from '../../../relay/store/sqlite-store.ts';
import { realClock } from '../../../src/clock.ts';
import { Directory, inThisThread, inWorker, serveHere } from './sqlite-place.ts';
import { contentOf, newMessage, onFresh, pattern, put, storeFailed, to } from './support.ts';

const DISK_FULL = fileURLToPath(new URL(`./sqlite-disk-full${extname(import.meta.url)}`, import.meta.url));

describe('SQLite store', () => {
  let directory: Directory;

  beforeEach(async () => {
    directory = await Directory.make();
  });

  afterEach(() => directory.remove());

  it(
    'streams, commits and reads through its thread',
    onFresh(inWorker, async ({ store, open }) => {
      const long = await put(store, pattern(3_000_000), to('relay', 'a@x'));
      const short = await Promise.all(Array.from({ length: 50 }, (_, i) => put(store, `message ${i}`)));
      await store.close();
      const again = await open();
      expect((await contentOf(again, long)).equals(pattern(3_000_000))).to.equal(true);
      for (const [i, id] of short.entries()) {
        expect((await contentOf(again, id)).toString('latin1')).to.equal(`message ${i}`);
      }
      expect((await again.counts()).recipients).to.deep.equal({ queued: 1, captured: 50 });
    }),
  );

  it('rejects everything, and hangs nowhere, when its thread dies', async () => {
    await (await openSqliteStore(directory)).close();
    const worker = startWorker({ file: directory.file, busyMs: 1000, synced: true });
    const store = await SqliteStore.over(new DatabaseLink(worker, directory.file), realClock);
    await put(store, 'kept');
    const streaming = store.begin();
    await streaming.write(pattern(500_000));
    // By now, pieces of it are in the database.
    await store.counts();
    const waiting = streaming.write(pattern(3_000_000));
    const pending = [store.counts(), put(store, 'lost')];
    await worker.terminate();
    for (const promise of [waiting, ...pending]) await storeFailed(promise);
    await storeFailed(streaming.write(Buffer.from('more')));
    await storeFailed(streaming.commit(newMessage()));
    streaming.abort();
    await storeFailed(put(store, 'later'));
    await storeFailed(store.close());

    const again = await serveHere(directory.file);
    expect((await again.counts()).messages).to.equal(1);
    await again.close();
    // Mail is nobody else's to read.
    expect((await stat(directory.file)).mode & 0o077).to.equal(0);
    // Whoever wrote those pieces is gone.
    expect(directory.ask('SELECT (SELECT count(*) FROM piece) + (SELECT count(*) FROM loose)')).to.equal(0);
    expect(await directory.files()).to.deep.equal([]);
  });

  it(
    'leaves the pieces of a message alone that another store is still writing',
    onFresh(inThisThread, async ({ store, open }) => {
      const writer = store.begin();
      await writer.write(pattern(500_000));
      await store.counts();
      const other = await open();
      await put(other, 'beside');
      await other.close();
      await writer.write(pattern(500_000));
      await writer.commit(newMessage());
      const whole = Buffer.concat([pattern(500_000), pattern(500_000)]);
      expect((await contentOf(store, writer.id)).equals(whole)).to.equal(true);
    }),
  );

  it(
    'takes messages through two threads at once',
    onFresh(inWorker, async ({ store, open }) => {
      const other = await open();
      const sizes = Array.from({ length: 60 }, (_, i) => i * 3000);
      const ids = await Promise.all(sizes.map((size, i) => put(i % 2 ? store : other, pattern(size))));
      for (const [i, id] of ids.entries()) {
        expect((await contentOf(i % 2 ? other : store, id)).equals(pattern(sizes[i]!))).to.equal(true);
      }
      expect((await store.counts()).messages).to.equal(60);
    }),
  );

  it('gives up a commit when another program keeps the database locked, and works afterwards', async () => {
    const store = await serveHere(directory.file);
    const other = new Libsql(directory.file);
    other.exec('BEGIN IMMEDIATE');
    const [short, long] = [store.begin(), store.begin()];
    await long.write(pattern(200_000));
    expect((await storeFailed(short.commit(newMessage()))).message).to.contain('SQLITE_BUSY');
    await storeFailed(long.commit(newMessage()));
    other.exec('COMMIT');
    const id = await put(store, 'afterwards');
    expect((await store.list(10)).map((message) => message.id)).to.deep.equal([id]);
    await store.close();
    other.close();
  });

  it('rejects what the disk has no room for, and works when there is room again', async function () {
    // The limit on a file's size stands for the disk: SQLite sees a write that fails, in the middle of a commit.
    if (spawnSync('prlimit', ['--version']).status !== 0) {
      console.log('      skipped: no prlimit here');
      this.skip();
    }
    const limited = `ulimit -S -f 2000; exec "$0" "$@"`;
    const program = [process.execPath, ...process.execArgv, DISK_FULL, directory.file];
    const child = spawn('bash', ['-c', limited, ...program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (data: Buffer) => {
      said += data.toString('latin1');
    });
    const [code] = await once(child, 'close');
    expect({ code, said }).to.deep.equal({ code: 0, said: 'ok\n' });
    expect(directory.ask('PRAGMA integrity_check')).to.equal('ok');
    expect(directory.ask('SELECT count(*) FROM loose')).to.equal(0);
  });

  it('removes the pieces of an aborted message while it runs', async () => {
    const store = await serveHere(directory.file);
    const writer = store.begin();
    await writer.write(pattern(3_000_000));
    await store.counts();
    expect(directory.ask('SELECT count(*) FROM piece')).to.equal(1);
    expect(await directory.files()).to.have.length(1);
    writer.abort();
    for (let turn = 0; turn < 100 && directory.ask('SELECT count(*) FROM loose') !== 0; turn++) await store.counts();
    expect(directory.ask('SELECT (SELECT count(*) FROM piece) + (SELECT count(*) FROM loose)')).to.equal(0);
    expect(await directory.files()).to.deep.equal([]);
    await store.close();
  });

  it('accepts no message of which a piece is missing', async () => {
    const { port1, port2 } = new MessageChannel();
    const link = new DatabaseLink(port1, directory.file);
    serve(port2, { file: directory.file, busyMs: 50, synced: true });
    const id = '0'.repeat(22);
    const piece = (n: number): Promise<unknown> => link.call('piece', { id, n, bytes: new Uint8Array(65536) });
    const row = newMessageRow(id, newMessage(), { size: 131_073, pieces: 2, tail: new Uint8Array(1) }, null);
    const [first, again, message] = [piece(0), piece(0), link.call('accept', row)];
    await first;
    await storeFailed(again);
    expect((await storeFailed(message)).message).to.contain('a part of the content was not stored');
    await piece(1);
    await link.call('accept', row);
    await link.close();
  });

  it('fails rather than give content of which a piece is lost or damaged', async () => {
    const store = await serveHere(directory.file);
    const id = await put(store, pattern(200_000));
    const other = new Libsql(directory.file);
    other.exec(`UPDATE piece SET bytes = x'00' WHERE n = 0`);
    await storeFailed(contentOf(store, id));
    other.exec('DELETE FROM piece WHERE n = 0');
    await storeFailed(contentOf(store, id));
    other.close();
    await store.close();
  });

  it('gives space back to the file system when most of the file is empty', async () => {
    const store = await serveHere(directory.file);
    const id = await put(store, Buffer.alloc(50_000_000));
    await put(store, 'kept');
    await store.delete([id]);
    await store.close();
    expect((await stat(directory.file)).size).to.be.below(40_000_000);
    expect(directory.ask('PRAGMA integrity_check')).to.equal('ok');
  });

  it('deletes a temporary database when it is closed', async () => {
    const store = await openTemporaryStore();
    const id = await put(store, pattern(200_000));
    expect((await contentOf(store, id)).equals(pattern(200_000))).to.equal(true);
    const { facts } = await storeFailed(put(store, '', to('relay', '\0')));
    const where = (facts as { file: string }).file;
    expect((await stat(where)).isFile()).to.equal(true);
    await store.close();
    const gone = await stat(dirname(where)).catch((error: NodeJS.ErrnoException) => error.code);
    expect(gone).to.equal('ENOENT');
  });
});
