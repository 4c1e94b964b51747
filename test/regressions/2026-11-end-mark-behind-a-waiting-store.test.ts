// The end of the data came in the same chunk as bytes that the store asked to wait for. The framer calls for the end
// right behind the last piece, whatever that piece returned, so the next write met a writer that was still waiting:
// one long message in some was answered 451, at random. Content now waits for the last piece but one.
import { expect } from 'chai';
import { Scene } from '../relay/support/sessions.ts';
import { turn } from '../support/within.ts';

describe('2026-11: the end mark behind a store that is waiting', () => {
  it('is a 250, and the content is whole', async () => {
    const scene = new Scene();
    scene.store.onWrite = () => new Promise((resolve) => setImmediate(resolve));
    const client = await scene.inData();
    client.send('one\r\n');
    await turn();
    expect(await client.say('two\r\n.')).to.match(/^250 /);
    expect(scene.bodies).to.deep.equal(['one\r\ntwo\r\n']);
  });
});
