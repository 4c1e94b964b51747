// The dialogues of test/transcripts, each a row of the corpus of SMTP behaviour that has gone wrong somewhere: over the
// pair in memory, over a socket, and with every write of the client cut at every place.
import { expect } from 'chai';
import type { Scene } from '../support/sessions.ts';
import { CuttingTransport, type Fixture, fixtures, play, sceneFor } from '../support/transcripts.ts';

async function check(fixture: Fixture, scene: Scene, dialogue: Promise<string[]>): Promise<void> {
  expect(await dialogue).to.deep.equal(fixture.stored);
  if (fixture.senders) {
    expect(scene.store.messages.map(({ message }) => message.sender)).to.deep.equal(fixture.senders);
  }
  expect(scene.log.records.filter(({ level }) => level === 'error')).to.deep.equal([]);
}

describe('the transcripts', () => {
  for (const fixture of fixtures()) {
    it(`${fixture.title} (memory)`, async () => {
      const scene = sceneFor(fixture);
      await check(
        fixture,
        scene,
        play(fixture, scene, () => scene.inMemory()),
      );
    });

    it(`${fixture.title} (socket)`, async () => {
      const scene = sceneFor(fixture);
      await check(
        fixture,
        scene,
        play(fixture, scene, () => scene.onSocket()),
      ).finally(() => scene.close());
    });

    it(`${fixture.title} (every cut)`, async () => {
      let longest = 1;
      for (let cut = 0; cut <= longest; cut++) {
        const scene = sceneFor(fixture);
        const transport = new CuttingTransport(scene.inMemory(), cut);
        await check(
          fixture,
          scene,
          play(fixture, scene, () => transport),
        ).catch((error: Error) => {
          throw new Error(`with writes cut at ${cut}: ${error.message}`, { cause: error });
        });
        longest = Math.max(longest, transport.longestWrite - 1);
      }
    });
  }
});
