// The line between the threads, with no engine at its other end.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { DatabaseLink } from '../../../relay/store/sqlite-link.ts';
import { FakeLine } from './sqlite-fake-line.ts';
import { storeFailed } from './support.ts';

describe('DatabaseLink', () => {
  it('sends the calls of one turn in one message, and takes the answers in any order', async () => {
    const line = new FakeLine();
    const link = new DatabaseLink(line, '/x.db');
    const calls = [link.call('trim', 1), link.call('trim', 2), link.call('nextDue', null)];
    await once(line, 'sent');
    expect(line.sent).to.deep.equal([
      [
        [0, 'trim', 1],
        [1, 'trim', 2],
        [2, 'nextDue', null],
      ],
    ]);
    line.answer({ done: [2, 0], values: [null, 7], failed: [[1, 'broken']] });
    const failure = await storeFailed(calls[1]!);
    expect(failure.message).to.equal('database /x.db: broken');
    expect(await Promise.all([calls[0], calls[2]])).to.deep.equal([7, null]);
  });

  it('rejects what cannot be sent', async () => {
    const link = new DatabaseLink(new FakeLine(), '/x.db');
    await storeFailed(link.call('delete', [(() => {}) as never]));
  });

  it('rejects what waits and what comes later when the thread ends', async () => {
    const line = new FakeLine();
    const link = new DatabaseLink(line, '/x.db');
    const sent = link.call('trim', 1);
    await once(line, 'sent');
    const unsent = link.call('trim', 2);
    line.emit('exit', 1);
    await link.over;
    for (const call of [sent, unsent, link.call('trim', 3), link.close()]) await storeFailed(call);
    expect(await link.greeting).to.deep.equal({ opened: false, reason: 'the database thread has ended' });
  });

  it('tells why a thread failed that could not even start', async () => {
    const link = new DatabaseLink(new Worker('throw new Error("no engine")', { eval: true }), '/x.db');
    expect(await link.greeting).to.deep.equal({ opened: false, reason: 'the database thread failed: no engine' });
    await link.over;
    expect((await storeFailed(link.call('trim', 1))).message).to.contain('no engine');
  });
});
