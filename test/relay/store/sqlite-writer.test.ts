// What a writer sends and when, seen from the other end of the line: bounds, failures, aborts.

import { once } from 'node:events';
import { expect } from 'chai';
import { BlockPool } from '../../../relay/store/sqlite-blocks.ts';
import { DatabaseLink } from '../../../relay/store/sqlite-link.ts';
import { SqliteWriter } from '../../../relay/store/sqlite-writer.ts';
import { FakeLine } from './sqlite-fake-line.ts';
import { newMessage, pattern, storeFailed } from './support.ts';

const UNANSWERED = 16;

describe('SqliteWriter', () => {
  function set(): { line: FakeLine; writer: SqliteWriter } {
    const line = new FakeLine();
    const link = new DatabaseLink(line, '/x.db');
    return { line, writer: new SqliteWriter('0'.repeat(22), link, new BlockPool()) };
  }

  it('sends a short message in one call', async () => {
    const { line, writer } = set();
    expect(writer.write(Buffer.from('Subject: x'))).to.equal(undefined);
    expect(writer.write(Buffer.from('\r\n'))).to.equal(undefined);
    const committed = writer.commit(newMessage());
    await once(line, 'sent');
    expect(line.names()).to.deep.equal(['accept']);
    line.answerAll();
    await committed;
  });

  it('has at most 1 MB unanswered, however much it is given at once, and uses the same blocks again', async () => {
    const { line, writer } = set();
    const bytes = pattern(5_000_000);
    const blocks = new Set<ArrayBuffer>();
    const got: Buffer[] = [];
    let most = 0;
    line.on('sent', () => {
      const calls = line.sent.at(-1)!;
      most = Math.max(most, calls.length);
      for (const call of calls) {
        if (call[1] !== 'piece') continue;
        blocks.add(call[2].bytes.buffer);
        got.push(Buffer.from(call[2].bytes));
      }
    });
    let isDone = false;
    void Promise.resolve(writer.write(bytes)).then(() => {
      isDone = true;
    });
    // Calls go out at the end of a turn: the last ones after the writer is done.
    for (let turnsLeft = 2; turnsLeft > 0; turnsLeft -= isDone ? 1 : 0) {
      await new Promise(setImmediate);
      line.answerAll();
    }
    expect(most).to.equal(UNANSWERED);
    expect(Buffer.concat(got).equals(bytes.subarray(0, got.length * 65536))).to.equal(true);
    expect(got.length).to.equal(Math.floor(bytes.length / 65536));
    expect(blocks.size).to.be.at.most(UNANSWERED + 1);
  });

  it('says at the next write and at the commit that a piece was not stored, and has the others removed', async () => {
    const { line, writer } = set();
    expect(writer.write(pattern(100_000))).to.equal(undefined);
    await once(line, 'sent');
    line.answer({ failed: [[0, 'disk full']] });
    await new Promise(setImmediate);
    expect((await storeFailed(writer.write(pattern(1)))).message).to.contain('disk full');
    expect((await storeFailed(writer.commit(newMessage()))).message).to.contain('disk full');
    await once(line, 'sent');
    expect(line.names()).to.deep.equal(['piece', 'discard']);
  });

  it('says to a writer that waits that a piece was not stored', async () => {
    const { line, writer } = set();
    const waiting = writer.write(pattern(3_000_000));
    await once(line, 'sent');
    line.answer({ failed: [[3, 'disk full']] });
    expect((await storeFailed(waiting)).message).to.contain('disk full');
    writer.abort();
    await once(line, 'sent');
    expect(line.names().at(-1)).to.equal('discard');
  });

  it('has the pieces removed when the commit fails', async () => {
    const { line, writer } = set();
    await writer.write(pattern(100_000));
    const committed = writer.commit(newMessage());
    await once(line, 'sent');
    line.answer({ done: [0], values: [new Uint8Array(65536)], failed: [[1, 'disk full']] });
    await storeFailed(committed);
    writer.abort();
    await once(line, 'sent');
    expect(line.names()).to.deep.equal(['piece', 'accept', 'discard']);
  });

  it('lets go of a writer that waits when the message is aborted, and sends no more of it', async () => {
    const { line, writer } = set();
    const waiting = writer.write(pattern(3_000_000));
    await once(line, 'sent');
    writer.abort();
    await waiting;
    await once(line, 'sent');
    line.answerAll();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(line.names()).to.deep.equal([...Array(UNANSWERED).fill('piece'), 'discard']);
  });
});
