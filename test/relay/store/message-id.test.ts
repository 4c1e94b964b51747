// Ids as a list of mail needs them: in the order of time, whatever the clock does.

import { expect } from 'chai';
import { MessageIds } from '../../../relay/store/message-id.ts';
import { FakeClock } from '../../../src/clock.ts';

describe('MessageIds', () => {
  it('orders ids by time', () => {
    const clock = new FakeClock(0);
    const ids = new MessageIds(clock, null);
    let before = ids.next();
    for (const step of [1, 1, 60, 62, 3844, 1e9, 1.7e12]) {
      clock.advance(step);
      const next = ids.next();
      expect(next > before, `${before} < ${next}`).to.equal(true);
      before = next;
    }
  });

  it('goes on counting from the greatest id while the clock is behind it', () => {
    const clock = new FakeClock(1_700_000_000_000);
    const greatest = new MessageIds(clock, null).next();
    clock.advance(-1_000_000);
    const ids = new MessageIds(clock, greatest);
    const first = ids.next();
    expect(first.slice(0, 8)).to.equal(greatest.slice(0, 8));
    expect(first > greatest).to.equal(true);
    clock.advance(1_000_001);
    expect(ids.next() > first).to.equal(true);
  });

  it('borrows from the next millisecond when one is used up', () => {
    const clock = new FakeClock(1_700_000_000_000);
    const full = `${new MessageIds(clock, null).next().slice(0, 8)}zzzzzzABCDEFGH`;
    const ids = new MessageIds(clock, full);
    const next = ids.next();
    expect(next > full).to.equal(true);
    expect(next.slice(8, 14)).to.equal('000000');
    expect(ids.next() > next).to.equal(true);
  });

  it('makes different ids in two programs at the same time', () => {
    const clock = new FakeClock();
    expect(new MessageIds(clock, null).next()).to.not.equal(new MessageIds(clock, null).next());
  });
});
