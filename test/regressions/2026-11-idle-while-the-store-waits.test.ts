// A store that took its time with a piece made the session stop reading, as it should; but the idle deadline ran on,
// and told the client 421 for a silence that was ours. Only handlers of whole frames were exempt from the deadline.
// It rests while delivery waits for a promise, whoever gave it.
import { expect } from 'chai';
import { Scene } from '../relay/support/sessions.ts';
import { turn } from '../support/within.ts';

describe('2026-11: idle while the store waits', () => {
  it('is not the fault of the client', async () => {
    const scene = new Scene({ timeouts: { idle: 50, dataIdle: 50 } });
    scene.store.onWrite = (_piece, n) => (n === 1 ? new Promise((resolve) => setTimeout(resolve, 250)) : undefined);
    const client = await scene.inData();
    client.send('one\r\n');
    await turn();
    client.send('two\r\n');
    expect(await client.say('three\r\n.')).to.match(/^250 /);
    expect(scene.bodies).to.deep.equal(['one\r\ntwo\r\nthree\r\n']);
  });
});
