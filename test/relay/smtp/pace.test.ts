// The minimum data rate, on a clock that the test moves.
import { expect } from 'chai';
import { Pace } from '../../../relay/smtp/pace.ts';

describe('Pace', () => {
  it('lets silence be for its whole grace, and not for longer', () => {
    expect(new Pace(500, 1000, 0).take(0, 1000)).to.equal(true);
    expect(new Pace(500, 1000, 0).take(0, 1001)).to.equal(false);
  });

  it('ends who is slower, and not before the grace is used up', () => {
    const pace = new Pace(500, 10_000, 0);
    let now = 0;
    // 250 bytes a second: half of each second is lost.
    while (pace.take(250, now)) now += 1000;
    expect(now).to.be.within(19_000, 22_000);
  });

  it('never ends who is as fast', () => {
    const pace = new Pace(500, 10_000, 0);
    for (let now = 0; now < 3_600_000; now += 1000) expect(pace.take(500, now)).to.equal(true);
  });

  it('saves nothing of what was sent fast before', () => {
    const pace = new Pace(500, 10_000, 0);
    expect(pace.take(50_000_000, 1)).to.equal(true);
    expect(pace.take(1, 10_003)).to.equal(true);
    expect(pace.take(1, 20_010)).to.equal(false);
  });

  it('counts the bytes that end a long silence', () => {
    expect(new Pace(500, 10_000, 0).take(5000, 20_000)).to.equal(true);
  });

  it("begins anew behind a time that was not the client's", () => {
    const pace = new Pace(500, 1000, 0);
    pace.restart(60_000);
    expect(pace.take(0, 61_000)).to.equal(true);
    expect(pace.take(0, 61_001)).to.equal(false);
  });
});
