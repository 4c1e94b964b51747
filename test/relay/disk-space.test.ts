import { expect } from 'chai';
import { DiskSpace } from '../../relay/disk-space.ts';
import { FakeClock } from '../../src/clock.ts';

describe('DiskSpace', () => {
  it('is not low before anything is known, and says so once it is', async () => {
    const space = new DiskSpace('.', Number.MAX_SAFE_INTEGER, new FakeClock());
    expect(space.isLow).to.equal(false);
    await space.look();
    expect(space.isLow).to.equal(true);
  });

  it('is not low while more is free than must be', async () => {
    const space = new DiskSpace('.', 1, new FakeClock());
    expect(await space.look()).to.be.above(1);
    expect(space.isLow).to.equal(false);
  });

  it('asks for nothing with a limit of 0', async () => {
    const space = new DiskSpace('.', 0, new FakeClock());
    await space.look();
    expect(space.isLow).to.equal(false);
  });

  it('is not low where the system does not tell', async () => {
    const space = new DiskSpace('./no-such-folder', 1, new FakeClock());
    expect(await space.look()).to.equal(Number.POSITIVE_INFINITY);
    expect(space.isLow).to.equal(false);
  });
});
