// Loaded by Node before our relay, in each of its threads: every commit of the store's thread takes so many
// milliseconds more, as it does on a disk that syncs slowly. `LONEDOT_BENCH_SYNC_MS` says how many.
import { isMainThread } from 'node:worker_threads';

if (!isMainThread) {
  const { Database } = await import('../../dist/relay/store/sqlite-database.js');
  const ms = Number(process.env.LONEDOT_BENCH_SYNC_MS);
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const { commit } = Database.prototype;
  Database.prototype.commit = function slowCommit() {
    Atomics.wait(cell, 0, 0, ms);
    return commit.call(this);
  };
}
