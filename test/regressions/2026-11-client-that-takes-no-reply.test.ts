// A client asked for much and read nothing. The write deadline passed, the session said 421 and waited for that to be
// taken before it closed: nothing was taken, no deadline ran any more, and the connection stayed for ever.
// Whoever takes no bytes gets no last words.
import { expect } from 'chai';
import { Scene } from '../relay/support/sessions.ts';
import { until } from '../support/within.ts';

describe('2026-11: a client that takes no reply', () => {
  it('is cut off when the write deadline has passed', async () => {
    const scene = new Scene({ timeouts: { idle: 250 } });
    const client = await scene.greeted();
    client.transport.pause();
    // Some more than the pair holds: the answers are stuck, and not so many that the session stops reading.
    client.send('EHLO c.example\r\n'.repeat(700));
    await until(2000, () => scene.sessions[0]!.writable(), 'answers to be stuck');
    // It goes on talking, so it is not idle.
    const talk = setInterval(() => client.send('NOOP\r\n'), 50);
    try {
      await until(3000, () => scene.log.of('session.closed').length === 1, 'the end of the session');
      expect(scene.log.of('session.timeout').map(({ fields }) => ({ ...fields }))).to.deep.equal([
        { remote: 'memory:a', state: 'ready', kind: 'write' },
      ]);
      expect(scene.context.sessions.size).to.equal(0);
    } finally {
      clearInterval(talk);
    }
  });
});
