// Puts mail into a new queue, deferred for a day: `fill-queue.mjs FILE MESSAGES BYTES`. In a process of its own, which
// lets go of the database when it ends.
import { openSqliteStore } from '../dist/relay/store/sqlite.js';

const [file, messages, bytes] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const DAY_MS = 86_400_000;
const AT_ONCE = 500;
const content = Buffer.alloc(bytes, `${'x'.repeat(76)}\r\n`);
const store = await openSqliteStore({ file });

function put(i) {
  const writer = store.begin();
  writer.write(content);
  return writer.commit({
    receivedAt: Date.now(),
    sender: 'a@bench.test',
    parameters: [],
    helo: 'bench.test',
    clientAddress: '127.0.0.1',
    protocol: 'ESMTP',
    tls: '',
    authUser: '',
    traits: [],
    recipients: [{ address: `b${i}@bench.test`, parameters: [], route: 'relay' }],
  });
}

for (let done = 0; done < messages; done += AT_ONCE) {
  await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => put(done + i)));
  const claims = await store.claim('bench', Date.now(), 60_000, AT_ONCE);
  const attempt = { at: Date.now(), upstream: 'bench', tls: '', outcome: 'deferred', reply: '451 4.3.0 Later' };
  const results = claims.flatMap(({ recipients }) =>
    recipients.map(({ recipientId, fence }) => ({
      recipientId,
      fence,
      state: 'deferred',
      nextAttempt: Date.now() + DAY_MS,
      attempt,
    })),
  );
  await store.settle(results);
}
const { recipients } = await store.counts();
if (recipients.deferred !== messages)
  throw new Error(`${messages} messages were put in: ${JSON.stringify(recipients)}`);
await store.close();
