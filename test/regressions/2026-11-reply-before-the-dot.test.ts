// A server that was out of step by one reply said 250 while the content was still on its way: the mail counted as
// delivered, and half of it was left on a connection for the next one. And 250 in place of 354 was leave to send the
// content, which that server then read as commands.
import { expect } from 'chai';
import { at, piecesOf, WayOut } from '../relay/support/way-out.ts';

describe('a reply that comes too early', () => {
  let way: WayOut;

  afterEach(() => way.stop());

  for (const lmtp of [false, true]) {
    it(`250 in the middle of the content is no receipt${lmtp ? ' under LMTP' : ''}`, async () => {
      let times = 0;
      way = await WayOut.open({
        lmtp,
        scheme: lmtp ? 'lmtp' : 'smtp',
        answer: ({ phase, bytes }) =>
          phase === 'content' && bytes > 100_000 && ++times === 1 ? '250 2.0.0 Ok' : undefined,
      });
      const content = piecesOf(Buffer.alloc(9_000_000, 'x\r\n'));
      expect(await way.fates({}, content)).to.equal('unreachable: host');
      expect(way.upstream.mails).to.deep.equal([]);
      expect(await way.fates()).to.equal('delivered');
      expect(way.upstream.connections).to.equal(2);
    });
  }

  for (const keywords of [['PIPELINING'], ['HELP']]) {
    it(`250 to DATA gets no content (${keywords})`, async () => {
      way = await WayOut.open({ keywords, answer: at('data', '250 2.0.0 Ok') });
      expect(await way.fates()).to.equal('unreachable: host');
      await way.upstream.left();
      expect(way.upstream.verbs()).to.deep.equal(['EHLO', 'MAIL', 'RCPT', 'DATA']);
    });
  }
});
