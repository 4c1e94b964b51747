// R: rules of a relay that a client meets. R3 to R10 are about the way out: see test/relay/queue*.test.ts and
// test/relay/forward*.test.ts.

import { connect } from 'node:net';
import { expect } from 'chai';
import { resolveRelay } from '../../../relay/options.ts';
import { type MailService, startMail } from '../../../relay/service.ts';
import { socketTransport } from '../../../src/transport.ts';
import { Directory } from '../store/sqlite-place.ts';
import { Client } from '../support/client.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { Scene } from '../support/sessions.ts';
import { Upstream } from '../support/upstream.ts';
import { testRow } from './rows.ts';

describe('corpus R: relay rules', () => {
  describe('with an upstream', () => {
    let directory: Directory;
    let upstream: Upstream;
    let mail: MailService | undefined;

    beforeEach(async () => {
      directory = await Directory.make();
      upstream = await Upstream.start();
    });
    afterEach(async () => {
      await mail?.stop(0);
      mail = undefined;
      await upstream.stop();
      await directory.remove();
    });

    async function relay(options: Readonly<Record<string, string>>): Promise<Client> {
      const all = { smtp: '127.0.0.1:0', database: directory.file, upstream: upstream.url, ...options };
      const flags = new Map(Object.entries(all).map(([name, value]) => [name, [value]] as const));
      mail = await startMail(resolveRelay({ flags }), new RecordingLog());
      const client = new Client(socketTransport(connect(Number(mail.smtp[0]!.split(':').pop()), '127.0.0.1')));
      expect(await client.reply()).to.match(/^220 /);
      return client;
    }

    it('R1 a client that may not relay is refused at RCPT', async () => {
      const client = await relay({ 'relay-from': '192.0.2.0/24' });
      expect(await client.codes('EHLO c', 'MAIL FROM:<a@x.example>')).to.deep.equal(['250', '250']);
      expect(await client.say('RCPT TO:<b@x.example>')).to.match(/^55[04] 5\.7\.1 /);
      expect(await client.say('DATA')).to.match(/^554 5\.5\.1 /);
    });

    it('R1 a client that may is served', async () => {
      const client = await relay({ 'relay-from': '127.0.0.0/8' });
      const lines = ['EHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'x\r\n.'];
      expect(await client.codes(...lines)).to.deep.equal(['250', '250', '250', '354', '250']);
      await upstream.got(1);
    });

    for (const body of ['a\n.\nb\r\n', 'a\r.\rb\r\n', 'a\r\n.\r']) {
      it(`E20 ${JSON.stringify(body)} leaves with CRLF only, its dots stuffed, and one end`, async () => {
        const client = await relay({ 'line-endings': 'normalise' });
        await client.codes('EHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
        expect(await client.say(`S: t\r\n\r\n${body}\r\n.`)).to.match(/^250 /);
        await upstream.got(1);
        const wire = upstream.mails[0]!.wire.toString('latin1');
        expect(wire).to.not.match(/[^\r]\n|\r[^\n]|\r$|\n\.\r\n/);
        expect(upstream.commands.filter((line) => !/^(?:EHLO|MAIL|RCPT|DATA|RSET|QUIT)\b/.test(line))).to.deep.equal(
          [],
        );
      });
    }
  });

  const HOP = 'Received: from a by b; Sun, 22 Nov 2026 09:00:00 +0000\r\n';
  const OWN = 'Received: from a ([192.0.2.1])\r\n\tby mx.example (lonedot) with ESMTP id 1;\r\n\tSun, 22 Nov 2026\r\n';
  const OTHER = OWN.replace('mx.example', 'mx2.example');
  const taken = { replies: ['250 2.0.0 Ok: queued'] };
  const loop = { replies: ['554 5.4.6 '] };
  const limits = { maxHops: 3 };

  testRow({
    row: 'R2',
    title: 'a message that has passed more servers than may be goes round in circles',
    at: 'data',
    wire: `${HOP.repeat(4)}\r\nx\r\n.\r\n`,
    options: { limits },
    ...loop,
  });
  testRow({
    row: 'R2',
    title: 'one that has passed just so many does not, whatever its body says',
    at: 'data',
    wire: `${HOP.repeat(3)}\r\n${HOP.repeat(2)}.\r\n`,
    options: { limits },
    stored: [`${HOP.repeat(3)}\r\n${HOP.repeat(2)}`],
    ...taken,
  });
  testRow({
    row: 'R2',
    title: 'a message that has passed this very server twice does too',
    at: 'data',
    wire: `${OWN}${OTHER}${OWN}\r\nx\r\n.\r\n`,
    ...loop,
  });
  testRow({
    row: 'R2',
    title: 'one that has passed it once does not: a filter may have sent it back',
    at: 'data',
    wire: `${OTHER}${OWN}${OTHER}\r\nx\r\n.\r\n`,
    stored: [`${OTHER}${OWN}${OTHER}\r\nx\r\n`],
    ...taken,
  });

  it('R2 knows its own trace lines when they come back', async () => {
    const scene = new Scene();
    let content = 'S: t\r\n\r\nx\r\n';
    const codes: (string | undefined)[] = [];
    for (let pass = 0; pass < 3; pass++) {
      const client = await scene.inData();
      codes.push((await client.say(`${content}.`)).slice(0, 9));
      content = scene.store.messages.at(-1)!.content.toString('latin1');
    }
    expect(codes).to.deep.equal(['250 2.0.0', '250 2.0.0', '554 5.4.6']);
  });
});
