// The session beyond the rows of the corpus (test/relay/corpus): LMTP, the parameters of MAIL and RCPT, what is handed on
// to the store.
import { expect } from 'chai';
import type { LinePolicy } from '../../../src/lines.ts';
import { testRow } from '../corpus/rows.ts';
import type { Client } from '../support/client.ts';
import { Scene } from '../support/sessions.ts';

describe('LMTP (RFC 2033)', () => {
  const LMTP = { door: { lmtp: true } };
  const refused = { code: 550, status: '5.1.1', text: 'Nobody of that name' } as const;

  async function lhlo(scene: Scene): Promise<Client> {
    const client = await scene.greeted();
    expect(await client.say('LHLO c')).to.match(/^250-mx\.example\n(?:250-.+\n)*250 /);
    return client;
  }

  it('greets as such, and knows LHLO only', async () => {
    const scene = new Scene(LMTP);
    const client = await scene.greeted();
    expect(await client.codes('HELO c', 'EHLO c', 'MAIL FROM:<a@x.example>', 'LHLO c')).to.deep.equal([
      '500',
      '500',
      '503',
      '250',
    ]);
    const smtp = await new Scene().greeted();
    expect(await smtp.codes('LHLO c')).to.deep.equal(['500']);
  });

  for (const [how, lines] of [
    ['DATA', 'DATA\r\nx\r\n.\r\n'],
    ['BDAT', 'BDAT 1\r\nxBDAT 2 LAST\r\n\r\n'],
  ] as const) {
    it(`answers to ${how} once for each recipient that was taken`, async () => {
      const scene = new Scene({ ...LMTP, route: (to) => (to.startsWith('no') ? refused : 'capture') });
      const client = await lhlo(scene);
      const rcpts = ['b1', 'no', 'b2', 'b3'].map((name) => `RCPT TO:<${name}@x.example>`);
      expect(await client.codes('MAIL FROM:<a@x.example>', ...rcpts)).to.deep.equal([
        '250',
        '250',
        '550',
        '250',
        '250',
      ]);
      client.send(`${lines}QUIT\r\n`);
      const replies = await client.rest();
      expect(replies.map((reply) => reply.slice(0, 3))).to.deep.equal([
        how === 'DATA' ? '354' : '250',
        '250',
        '250',
        '250',
        '221',
      ]);
      expect(scene.bodies).to.deep.equal(['x\r\n']);
      expect(scene.store.messages[0]!.message.protocol).to.equal('LMTP');
      expect(scene.store.messages[0]!.content.toString()).to.match(/ with LMTP id /);
    });
  }

  it('refuses for each recipient too', async () => {
    const scene = new Scene({ ...LMTP, limits: { maxSize: 4 } });
    const client = await lhlo(scene);
    const begin = ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'RCPT TO:<c@x.example>'];
    await client.codes(...begin, 'DATA');
    client.send('too much\r\n.\r\n');
    expect((await client.replies(2)).map((reply) => reply.slice(0, 3))).to.deep.equal(['552', '552']);
    await client.codes(...begin);
    client.send('BDAT 8 LAST\r\ntoo muchNOOP\r\n');
    expect((await client.replies(3)).map((reply) => reply.slice(0, 3))).to.deep.equal(['552', '552', '250']);
  });

  it('answers once where no recipient was taken', async () => {
    const client = await lhlo(new Scene({ ...LMTP, route: () => refused }));
    const lines = ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA'];
    expect(await client.codes(...lines)).to.deep.equal(['250', '550', '554']);
    client.send('BDAT 3 LAST\r\nabcNOOP\r\n');
    expect((await client.replies(2)).map((reply) => reply.slice(0, 3))).to.deep.equal(['554', '250']);
  });
});

describe('the parameters of MAIL and RCPT', () => {
  const TAKEN = [
    'MAIL FROM:<a@x.example> RET=FULL ENVID=a+2Bb',
    'MAIL FROM:<a@x.example> ret=hdrs',
    'MAIL FROM:<> SMTPUTF8 BODY=8BITMIME SIZE=0',
    'RCPT TO:<b@x.example> NOTIFY=NEVER',
    'RCPT TO:<b@x.example> NOTIFY=DELAY,FAILURE,SUCCESS ORCPT=rfc822;b@x.example',
    'RCPT TO:<b@x.example> ORCPT=utf-8;b\\x{E9}\\x{1F600}\\x{2B}@x.example',
    'RCPT TO:<b@x.example> ORCPT=X-OTHER;a+20b',
  ];
  const REFUSED: readonly [line: string, reply: RegExp][] = [
    ['MAIL FROM:<a@x.example> RET=ALL', /^501 5\.5\.4 /],
    ['MAIL FROM:<a@x.example> ENVID=a+2bb', /^501 5\.5\.4 /],
    [`MAIL FROM:<a@x.example> ENVID=${'e'.repeat(101)}`, /^501 5\.5\.4 /],
    ['MAIL FROM:<a@x.example> ENVID', /^501 5\.5\.4 /],
    ['MAIL FROM:<a@x.example> SMTPUTF8=1', /^501 5\.5\.4 /],
    ['MAIL FROM:<a@x.example> REQUIRETLS', /^530 5\.7\.\d /],
    ['MAIL FROM:<a@x.example> AUTH=<>', /^555 5\.5\.4 /],
    ['MAIL FROM:<a@x.example> NOTIFY=NEVER', /^555 5\.5\.4 /],
    ['RCPT TO:<b@x.example> RET=FULL', /^555 5\.5\.4 /],
    ['RCPT TO:<b@x.example> NOTIFY=', /^501 5\.5\.4 /],
    ['RCPT TO:<b@x.example> ORCPT=b@x.example', /^501 5\.5\.4 /],
    ['RCPT TO:<b@x.example> ORCPT=rfc822;', /^501 5\.5\.4 /],
    ['RCPT TO:<b@x.example> ORCPT=rfc822;a+b', /^501 5\.5\.4 /],
    ['RCPT TO:<b@x.example> ORCPT=rfc822;a NOTIFY=NEVER ORCPT=rfc822;b', /^501 5\.5\.4 /],
    ['RCPT TO:<b@x.example> ORCPT=utf-8;b\xc3\xa9@x.example', /^501 5\.5\.4 /],
    ['RCPT TO:<b@x.example> ORCPT=utf-8;b\\x{41}@x.example', /^501 5\.5\.4 /],
    ['RCPT TO:<b@x.example> ORCPT=utf-8;b\\x{D800}@x.example', /^501 5\.5\.4 /],
    ['RCPT TO:<b@x.example> ORCPT=utf-8;b\\x{0E9}@x.example', /^501 5\.5\.4 /],
    ['RCPT TO:<b@x.example> ORCPT=utf-8;b\\x{110000}@x.example', /^501 5\.5\.4 /],
    [`RCPT TO:<b@x.example> ORCPT=rfc822;${'o'.repeat(494)}`, /^501 5\.5\.4 /],
  ];
  const first = (line: string): string[] => (line.startsWith('RCPT') ? ['MAIL FROM:<a@x.example>'] : []);

  for (const line of TAKEN) {
    it(`takes ${line}`, async () => {
      const client = await new Scene().greeted();
      await client.codes('EHLO c', ...first(line));
      expect(await client.say(line)).to.match(/^250 /);
    });
  }
  for (const [line, reply] of REFUSED) {
    it(`refuses ${line.slice(0, 80)}`, async () => {
      const client = await new Scene().greeted();
      await client.codes('EHLO c', ...first(line));
      expect(await client.say(line)).to.match(reply);
    });
  }

  it('takes none behind HELO', async () => {
    const client = await new Scene().greeted();
    expect(await client.codes('HELO c', 'MAIL FROM:<a@x.example> SIZE=1', 'MAIL FROM:<a@x.example>')).to.deep.equal([
      '250',
      '555',
      '250',
    ]);
    expect(await client.say('RCPT TO:<b@x.example> NOTIFY=NEVER')).to.match(/^555 /);
  });
});

describe('what is handed to the store', () => {
  it('is the envelope of each transaction, apart from the others', async () => {
    const scene = new Scene();
    const client = await scene.greeted();
    await client.say('EHLO c.example');
    for (const n of [1, 2]) {
      const mail = `MAIL FROM:<a${n}@x.example> SIZE=${n} BODY=8BITMIME`;
      expect(await client.codes(mail, `RCPT TO:<b${n}@x.example>`, 'DATA', `${n}\r\n.`)).to.include('354');
    }
    const seen = scene.store.messages.map(({ message }) => [message.sender, message.recipients, message.parameters]);
    expect(seen).to.deep.equal(
      [1, 2].map((n) => [
        `a${n}@x.example`,
        [{ address: `b${n}@x.example`, parameters: [], route: 'relay' }],
        [
          ['SIZE', String(n)],
          ['BODY', '8BITMIME'],
        ],
      ]),
    );
    const { helo, clientAddress, protocol, tls, authUser, traits } = scene.store.messages[0]!.message;
    const said = {
      helo: 'c.example',
      clientAddress: '192.0.2.7',
      protocol: 'ESMTP',
      tls: '',
      authUser: '',
      traits: [],
    };
    expect({ helo, clientAddress, protocol, tls, authUser, traits }).to.deep.equal(said);
    expect(scene.stats).to.include({ accepted: 2, acceptedBytes: 6 });
  });

  for (const policy of ['strict', 'normalise', 'preserve'] satisfies LinePolicy[]) {
    const second = policy === 'normalise' ? ['bad\r\n\r\n'] : ['bad\n\r\n'];
    testRow({
      row: policy,
      title: 'the answer to a message is about that message only',
      at: 'data',
      wire: 'good\r\n.\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nbad\n\r\n.\r\n',
      options: { lineEndings: policy },
      replies: ['250', '250', '250', '354', policy === 'strict' ? '550' : '250'],
      stored: policy === 'strict' ? ['good\r\n'] : ['good\r\n', ...second],
    });
  }

  it('counts what it refuses by its code', async () => {
    const scene = new Scene();
    const client = await scene.greeted();
    await client.codes('FROB', 'FROB', 'MAIL FROM:<a@x.example>', 'NOOP');
    expect([...scene.stats.refusals]).to.deep.equal([
      [500, 2],
      [503, 1],
    ]);
  });
});
