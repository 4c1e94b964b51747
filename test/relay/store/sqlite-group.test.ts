// Group commit on a database that can be told to fail, because a real one cannot be made to fail at COMMIT at will.

import { expect } from 'chai';
import { GroupCommit, type Transactions } from '../../../relay/store/sqlite-group.ts';

/** A database that writes down what it is asked to do, and fails where it is told to. */
class Recorder implements Transactions {
  readonly log: string[] = [];
  failing: string | null = null;

  #do(step: string): void {
    this.log.push(step);
    if (this.failing === step) throw Object.assign(new Error(`${step} failed`), { code: 'SQLITE_IOERR' });
  }
  begin(): void {
    this.#do('begin');
  }
  commit(): void {
    this.#do('commit');
  }
  rollback(): void {
    this.#do('rollback');
  }
  committed(): void {
    this.log.push('counted');
  }
  rolledBack(): void {
    this.log.push('uncounted');
  }
}

describe('GroupCommit', () => {
  function set(): { db: Recorder; group: GroupCommit } {
    const db = new Recorder();
    return { db, group: new GroupCommit(db, db) };
  }

  it('commits all writes with one commit', () => {
    const { db, group } = set();
    expect(group.run([() => 1, () => 2])).to.deep.equal([
      { ok: true, value: 1 },
      { ok: true, value: 2 },
    ]);
    expect(db.log).to.deep.equal(['begin', 'commit', 'counted']);
  });

  it('commits the neighbours of a write that fails, in their order', () => {
    const { db, group } = set();
    const runs: string[] = [];
    const bad = (): never => {
      throw new Error('no such thing');
    };
    expect(group.run([() => runs.push('a'), bad, () => runs.push('b')])).to.deep.equal([
      { ok: true, value: 2 },
      { ok: false, reason: 'no such thing' },
      { ok: true, value: 3 },
    ]);
    expect(runs).to.deep.equal(['a', 'a', 'b']);
    expect(db.log.join(' ')).to.equal(
      'begin uncounted rollback begin commit counted begin uncounted rollback begin commit counted',
    );
  });

  it('fails every write when the commit fails, and the next group may succeed', () => {
    const { db, group } = set();
    db.failing = 'commit';
    const reason = 'commit failed (SQLITE_IOERR)';
    expect(group.run([() => 1, () => 2])).to.deep.equal([
      { ok: false, reason },
      { ok: false, reason },
    ]);
    expect(db.log).to.deep.equal(['begin', 'commit', 'uncounted', 'rollback']);
    db.failing = null;
    expect(group.run([() => 3])).to.deep.equal([{ ok: true, value: 3 }]);
  });

  it('runs nothing when it cannot begin, and does not mind a rollback that fails', () => {
    const { db, group } = set();
    db.failing = 'begin';
    expect(group.run([() => expect.fail('ran')])[0]?.ok).to.equal(false);
    db.failing = 'rollback';
    const outcomes = group.run([
      () => {
        throw new Error('bad');
      },
    ]);
    expect(outcomes).to.deep.equal([{ ok: false, reason: 'bad' }]);
  });
});
