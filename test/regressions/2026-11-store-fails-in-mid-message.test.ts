// The store failed while a long message was still on its way in (disk full). The rejected write went through the
// handler of broken connections: the client saw its connection vanish and could not know whether to try again.
// Now the rest is read, and the answer at its place is 451; the session goes on.
import { expect } from 'chai';
import { Scene } from '../relay/support/sessions.ts';
import { turn } from '../support/within.ts';

describe('2026-11: a store that fails in the middle of a message', () => {
  for (const failing of [0, 1, 2]) {
    it(`at write ${failing}: 451 at the end of the data, nothing stored, the next message is taken`, async () => {
      const scene = new Scene();
      scene.store.onWrite = (_piece, n) => (n === failing ? Promise.reject(new Error('disk full')) : undefined);
      const client = await scene.inData();
      for (const line of ['one', 'two', 'three', 'four']) {
        client.send(`${line}\r\n`);
        await turn();
      }
      expect(await client.say('.')).to.match(/^451 4\.3\.0 /);
      expect(scene.store.open.size).to.equal(0);
      expect(scene.log.levels('message.not_stored')).to.deep.equal(['error']);
      scene.store.onWrite = () => {};
      const next = ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'five\r\n.'];
      expect(await client.codes(...next)).to.deep.equal(['250', '250', '354', '250']);
      expect(scene.bodies).to.deep.equal(['five\r\n']);
    });
  }
});
