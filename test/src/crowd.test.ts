import { expect } from 'chai';
import { Crowd, type Member } from '../../src/crowd.ts';

describe('Crowd', () => {
  it('has those that have joined and not left, whatever their order', () => {
    const crowd = new Crowd<number>();
    const members = new Map<number, Member<number>>();
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 0x7fffffff;
      return seed % below;
    };
    for (let step = 0; step < 5000; step++) {
      const here = [...members.keys()];
      if (here.length === 0 || random(2) === 0) members.set(step, crowd.join(step));
      else {
        const leaves = here[random(here.length)]!;
        crowd.leave(members.get(leaves)!);
        members.delete(leaves);
      }
      expect(crowd.size).to.equal(members.size);
    }
    expect(crowd.all().sort()).to.deep.equal([...members.keys()].sort());
  });

  it('lets nobody leave twice', () => {
    const crowd = new Crowd<string>();
    const [a, b] = [crowd.join('a'), crowd.join('b')];
    crowd.leave(a);
    crowd.leave(a);
    expect(crowd.all()).to.deep.equal(['b']);
    crowd.leave(b);
    expect(crowd.size).to.equal(0);
  });
});
