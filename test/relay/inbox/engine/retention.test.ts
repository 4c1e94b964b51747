// What keeps the inbox within its limits, and that those who look at it hear of it.
import { expect } from 'chai';
import { until } from '../../../support/within.ts';
import { mail, onScene, type Scene, SETTINGS } from './support.ts';

async function kept({ inbox, events }: Scene): Promise<string[]> {
  await until(5000, () => events.some(({ type }) => type === 'pruned'), 'the trimming');
  return (await inbox.page({ limit: 50 })).messages.map(({ subject }) => subject);
}

const limits = (limit: Partial<typeof SETTINGS.limits>) => ({
  settings: { ...SETTINGS, limits: { ...SETTINGS.limits, ...limit } },
});

describe('SQLite inbox: retention', () => {
  it(
    'keeps the newest by count, also what is too much when it closes',
    onScene(
      async (scene) => {
        for (let n = 0; n < 9; n++) await scene.take(mail({ Subject: String(n) }));
        expect(await kept(scene)).to.deep.equal(['8', '7', '6']);
        await scene.take(mail({ Subject: 'last' }));
        await scene.inbox.cursor();
        await scene.inbox.close();
        expect((await scene.store.counts()).messages).to.equal(3);
      },
      limits({ max: 3 }),
    ),
  );

  it(
    'keeps the newest by bytes, and one that is too large alone',
    onScene(
      async (scene) => {
        for (let n = 0; n < 5; n++) await scene.take(mail({ Subject: String(n) }, 'x'.repeat(1000)));
        expect(await kept(scene)).to.deep.equal(['4', '3', '2']);
        scene.events.length = 0;
        await scene.take(mail({ Subject: 'large' }, 'x'.repeat(9000)));
        expect(await kept(scene)).to.deep.equal(['large']);
      },
      limits({ bytes: 3500 }),
    ),
  );

  it(
    'removes what is old, without a new mail that brings it to mind',
    onScene(
      async (scene) => {
        await scene.take(mail({ Subject: 'old' }), { receivedAt: Date.now() - 100_000 });
        await scene.take(mail({ Subject: 'new' }));
        expect(await kept(scene)).to.deep.equal(['new']);
        scene.inbox.configure({ ...SETTINGS, limits: { max: 0, bytes: 0, ageMs: 1 } });
        scene.events.length = 0;
        expect(await kept(scene)).to.deep.equal([]);
      },
      limits({ ageMs: 50_000 }),
    ),
  );
});
