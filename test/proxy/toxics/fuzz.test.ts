// Connections that end in every way at any moment, while toxics of every kind come and go: each of them ends once, none is
// left, and nothing is thrown.
import { expect } from 'chai';
import { defaultAttributes, KINDS } from '../../../proxy/toxics/kinds.ts';
import { Random } from '../../../proxy/toxics/random.ts';
import { DIRECTIONS, Toxic } from '../../../proxy/toxics/toxic.ts';
import { realClock } from '../../../src/clock.ts';
import { until } from '../../support/within.ts';
import type { End } from '../rig.ts';
import { ToxicRig } from './toxic-rig.ts';

const CONNECTIONS = 150;

describe('proxy: toxics under fire', () => {
  let rig: ToxicRig;
  beforeEach(() => {
    rig = new ToxicRig();
  });
  afterEach(() => rig.cleanUp());

  for (const strict of [false, true]) {
    it(`end every connection once${strict ? ', when strict' : ''}`, async () => {
      const random = new Random(strict ? 5 : 4);
      const act = (end: End): void => {
        const what = random.below(6);
        if (what === 0) end.reset();
        else if (what === 1) end.socket.destroy();
        else if (what === 2) end.finish();
        else if (what === 3) end.socket.pause();
        else end.send(Buffer.alloc(random.below(200_000)));
      };
      const later = (end: End): void => {
        for (let i = 0; i < 4; i++) setTimeout(() => !end.socket.destroyed && act(end), random.below(300));
      };
      const upstream = await rig.upstream(later);
      const proxy = await rig.toxicProxy(upstream.address, { clock: realClock, strict });
      const types = Object.keys(KINDS);
      const change = (): void => {
        const { all } = proxy.toxics;
        if (random.below(2) === 0 && all.length > 0) return proxy.toxics.remove(all[random.below(all.length)]!);
        const type = types[random.below(types.length)]!;
        const direction = DIRECTIONS[random.below(2)]!;
        const name = `toxic ${random.unit()}`;
        const numbers = Object.keys(defaultAttributes(KINDS[type]!)).map((key) => [key, 1 + random.below(100)]);
        const attributes = Object.fromEntries(numbers);
        proxy.toxics.add(
          new Toxic({ name, type, stream: direction, direction, toxicity: random.unit() * 1.5, attributes }),
        );
      };
      const changing = setInterval(change, 2);
      rig.onCleanUp(() => clearInterval(changing));
      for (let i = 0; i < CONNECTIONS; i++) {
        later(rig.client(proxy.listen));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await new Promise((resolve) => setTimeout(resolve, 350));
      clearInterval(changing);
      // Those in which nobody wanted an end, or a toxic swallowed it.
      await proxy.stop();
      await until(5000, () => rig.over >= upstream.ends.length, 'the end of all');
      expect(rig.over).to.be.within(upstream.ends.length, CONNECTIONS);
      expect(rig.warnings).to.deep.equal([]);
    });
  }
});
