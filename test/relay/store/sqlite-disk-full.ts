// Run by a test under a limit on the size of files: fills a store until commits fail, then lifts the limit. Says 'ok'
// when every message that was committed is whole, none of the others exists, and new ones are taken.

import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { serveHere } from './sqlite-place.ts';
import { contentOf, pattern, put, storeFailed, to } from './support.ts';

const store = await serveHere(process.argv[2]!);
const SIZES = [3000, 200_000, 1, 9000];
const stored = new Map<string, number>();
let failed = 0;

async function attempt(size: number): Promise<void> {
  const result = put(store, pattern(size), to('relay', 'a@x'));
  try {
    stored.set(await result, size);
  } catch {
    await storeFailed(result);
    failed++;
  }
}

for (let round = 0; round < 40; round++) await Promise.all(SIZES.map(attempt));
expect(failed).to.be.greaterThan(20);
expect(stored.size).to.be.greaterThan(10);

expect(spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited']).status).to.equal(0);
const failedBefore = failed;
await Promise.all(SIZES.map(attempt));
expect(failed).to.equal(failedBefore);

const { messages, recipients } = await store.counts();
expect({ messages, recipients }).to.deep.equal({ messages: stored.size, recipients: { queued: stored.size } });
const listed = (await store.list(10_000)).map((message) => message.id);
expect(listed).to.have.members([...stored.keys()]);
for (const [id, size] of stored) expect((await contentOf(store, id)).equals(pattern(size))).to.equal(true);
await store.close();
process.stdout.write('ok\n');
