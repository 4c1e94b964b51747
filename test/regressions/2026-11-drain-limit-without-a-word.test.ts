// A stop waited for sessions up to the drain limit, and then destroyed their sockets: a client in the middle of a
// message saw its connection vanish. RFC 5321 3.8 has a word for that, 421, and it says that nothing was taken.
// Who is being committed just then is answered for the message first.
import { connect } from 'node:net';
import { expect } from 'chai';
import { resolveSink } from '../../relay/options.ts';
import { startMail } from '../../relay/service.ts';
import { silentLog } from '../../src/log.ts';
import { socketTransport } from '../../src/transport.ts';
import { Client } from '../relay/support/client.ts';
import { Scene } from '../relay/support/sessions.ts';
import { deferred, until, within } from '../support/within.ts';

describe('2026-11: the drain limit', () => {
  it('says 421 to who is still in the middle of a message', async () => {
    const mail = await startMail(resolveSink({ flags: new Map([['smtp', ['127.0.0.1:0']]]) }), silentLog);
    const socket = connect(Number(mail.smtp[0]!.split(':')[1]), '127.0.0.1');
    const client = new Client(socketTransport(socket));
    await client.reply();
    const codes = await client.codes('HELO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
    expect(codes).to.deep.equal(['250', '250', '250', '354']);
    client.send('half a message');
    const stopped = mail.stop(150);
    expect(await client.rest()).to.deep.equal(['421 4.3.2 The server is stopping; please try again']);
    socket.end();
    await within(3000, stopped, 'the stop');
  });

  it('does not take back a message that is being committed', async () => {
    const scene = new Scene();
    const commit = deferred();
    scene.store.onCommit = () => commit.promise;
    const client = await scene.inData();
    client.send('x\r\n.\r\n');
    await until(2000, () => scene.sessions[0]!.stats.frames === 5);
    for (const session of scene.sessions) session.drain();
    for (const session of scene.sessions) session.cut();
    commit.resolve();
    expect((await client.rest()).map((reply) => reply.slice(0, 9))).to.deep.equal(['250 2.0.0', '421 4.3.2']);
    expect(scene.bodies).to.deep.equal(['x\r\n']);
  });
});
