// B: BDAT (RFC 3030). The octets of a chunk are content whatever they look like, and commands they never are.
import { expect } from 'chai';
import { socketTransport } from '../../../src/transport.ts';
import { turn, until } from '../../support/within.ts';
import { Scene } from '../support/sessions.ts';
import { play, type Row, testRow } from './rows.ts';

const QUEUED = '250 2.0.0 Ok: queued';
const TAKEN = '250 2.0.0 Ok, chunk taken';
const SMALL = { limits: { maxSize: 100 } };
const BINARY = { policy: { offersBinary: true } };

const ROWS: readonly Row[] = [
  {
    row: 'B1',
    title: 'a CRLF across two chunks is one CRLF',
    at: 'envelope',
    wire: 'BDAT 16\r\nSubject: x\r\n\r\nA\rBDAT 3 LAST\r\n\nB\n',
    // The last LF is bare in the corpus: that alone decides what becomes of the message.
    options: { lineEndings: 'preserve' },
    replies: [TAKEN, QUEUED],
    stored: ['Subject: x\r\n\r\nA\r\nB\n'],
  },
  {
    row: 'B1',
    title: 'a CRLF across two chunks is one CRLF under strict too, which refuses the bare LF behind it',
    at: 'envelope',
    wire: 'BDAT 16\r\nSubject: x\r\n\r\nA\rBDAT 3 LAST\r\n\nB\n',
    replies: [TAKEN, '550 5.5.2 '],
  },
  {
    row: 'B1',
    title: 'a CRLF across two chunks is no bare CR and no bare LF',
    at: 'envelope',
    wire: 'BDAT 16\r\nSubject: x\r\n\r\nA\rBDAT 4 LAST\r\n\nB\r\n',
    replies: [TAKEN, QUEUED],
    stored: ['Subject: x\r\n\r\nA\r\nB\r\n'],
  },
  {
    row: 'B2',
    title: 'an empty last chunk is a whole message',
    at: 'envelope',
    wire: 'BDAT 0 LAST\r\n',
    replies: [QUEUED],
    stored: [''],
  },
  {
    row: 'B3',
    title: 'an empty chunk takes nothing, and the message goes on',
    at: 'envelope',
    wire: 'BDAT 0\r\nBDAT 3 LAST\r\nabc',
    replies: ['250 2.0.0 Ok, nothing taken', QUEUED],
    stored: ['abc'],
  },
  {
    row: 'B4',
    title: 'RSET between chunks gives the message up',
    at: 'envelope',
    wire: 'BDAT 5\r\nabcdeRSET\r\nNOOP\r\n',
    replies: [TAKEN, '250 2.0.0', '250 2.0.0'],
  },
  {
    row: 'B5',
    title: 'DATA, MAIL and RCPT between chunks are out of order, and the message can be completed',
    at: 'envelope',
    wire: 'BDAT 5\r\nabcdeDATA\r\nMAIL FROM:<n@x.example>\r\nRCPT TO:<n@x.example>\r\nBDAT 2 LAST\r\n\r\n',
    replies: [TAKEN, '503 5.5.1', '503 5.5.1', '503 5.5.1', QUEUED],
    stored: ['abcde\r\n'],
  },
  {
    row: 'B6',
    title: 'without a recipient the octets are dropped, and none of them is a command',
    at: 'hello',
    wire: 'MAIL FROM:<a@x.example>\r\nRCPT TO:<refused@x.example>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n',
    options: { route: () => ({ code: 550, status: '5.1.1', text: 'Nobody of that name' }) },
    replies: ['250 2.1.0', '550 5.1.1', '554 5.5.1', '250 2.0.0'],
  },
  {
    row: 'B6',
    title: 'without MAIL it is the same',
    at: 'hello',
    wire: 'BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<a@x.example>\r\n',
    replies: ['503 5.5.1', '503 5.5.1', '250 2.1.0'],
  },
  ...['x', '-1', '99999999999999999999', '5 FIRST', '', '5 LAST LAST', '5,LAST', '0x10', '+5'].map(
    (argument): Row => ({
      row: 'B8',
      title: `BDAT ${argument} tells no number, so nothing behind it is read`,
      at: 'envelope',
      wire: `BDAT ${argument}\r\nQUIT\r\n`,
      replies: ['501 5.5.4'],
      closes: true,
    }),
  ),
  {
    row: 'B10',
    title: 'what is pipelined behind a refused chunk is discarded up to LAST, and the state is clean then',
    at: 'envelope',
    wire: `BDAT 101\r\n${'x'.repeat(101)}BDAT 3\r\nabcBDAT 5 LAST\r\nabcdeDATA\r\nMAIL FROM:<n@x.example>\r\n`,
    options: SMALL,
    replies: ['552 5.3.4', '551 5.0.0', '551 5.0.0', '503 5.5.1', '250 2.1.0'],
  },
  {
    row: 'B10',
    title: 'what is pipelined behind a refused chunk is discarded up to RSET',
    at: 'envelope',
    wire: `BDAT 60\r\n${'x'.repeat(60)}BDAT 60\r\n${'x'.repeat(60)}BDAT 3\r\nabcRSET\r\nDATA\r\n`,
    options: SMALL,
    replies: [TAKEN, '552 5.3.4', '551 5.0.0', '250 2.0.0', '503 5.5.1'],
  },
  {
    row: 'B11',
    title: 'commands and chunks in one write all run',
    at: 'hello',
    wire: 'MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nBDAT 5\r\nabcdeBDAT 2 LAST\r\n\r\nNOOP\r\n',
    replies: ['250 2.1.0', '250 2.1.5', TAKEN, QUEUED, '250 2.0.0'],
    stored: ['abcde\r\n'],
  },
  {
    row: 'B12',
    title: 'a chunk may hold what ends DATA, and keeps its dots',
    at: 'envelope',
    wire: 'BDAT 20 LAST\r\na\r\n.\r\n.x\r\n..\r\n...\r\nb',
    replies: [QUEUED],
    stored: ['a\r\n.\r\n.x\r\n..\r\n...\r\nb'],
  },
  {
    row: 'B15',
    title: 'a header and a payload, cut anywhere',
    at: 'envelope',
    wire: 'bdat   7   last\r\nab\r\ncd\nNOOP\r\n',
    options: { lineEndings: 'normalise' },
    replies: [QUEUED, '250 2.0.0'],
    stored: ['ab\r\ncd\r\n'],
  },
  {
    row: 'B15',
    title: 'a chunk of 2^31 + 1 octets is refused before any of it is read',
    at: 'envelope',
    wire: `BDAT ${2 ** 31 + 1}\r\nNOOP\r\n`,
    replies: ['552 5.3.4'],
    closes: true,
  },
  {
    row: 'B16',
    title: 'BINARYMIME keeps NUL, bare CR and bare LF, under strict line endings too',
    at: 'hello',
    wire: 'MAIL FROM:<a@x.example> BODY=BINARYMIME\r\nRCPT TO:<b@x.example>\r\nBDAT 9 LAST\r\na\0\rb\nc\r\n\xff',
    options: BINARY,
    replies: ['250 2.1.0', '250 2.1.5', QUEUED],
    stored: ['a\0\rb\nc\r\n\xff'],
  },
  {
    row: 'B16',
    title: 'DATA behind BINARYMIME is out of order',
    at: 'hello',
    wire: 'MAIL FROM:<a@x.example> BODY=BINARYMIME\r\nRCPT TO:<b@x.example>\r\nDATA\r\nBDAT 1 LAST\r\n\n',
    options: BINARY,
    replies: ['250 2.1.0', '250 2.1.5', '503 5.5.1', QUEUED],
    stored: ['\n'],
  },
  {
    row: 'B16',
    title: 'BINARYMIME is refused where it is not offered',
    at: 'hello',
    wire: 'MAIL FROM:<a@x.example> BODY=BINARYMIME\r\n',
    replies: ['501 5.5.4'],
  },
  {
    row: 'B17',
    title: 'before EHLO nobody was offered BDAT: the payload is never run',
    at: 'greeted',
    wire: 'BDAT 6 LAST\r\nQUIT\r\n',
    replies: ['503 5.5.1'],
    closes: true,
  },
  {
    row: 'B17',
    title: 'behind HELO, where smtpping sends chunks, they are taken',
    at: 'greeted',
    wire: 'HELO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nBDAT 6 LAST\r\nQUIT\r\n',
    replies: ['250 mx.example', '250 2.1.0', '250 2.1.5', '250 2.0.0'],
    stored: ['QUIT\r\n'],
  },
];

describe('corpus B: BDAT', () => {
  for (const row of ROWS) testRow(row);

  it('B3 ten thousand chunks of one octet hold no memory, and no more of them are free', async () => {
    const scene = new Scene();
    try {
      const client = await scene.withEnvelope(scene.onSocket());
      const before = process.memoryUsage().rss;
      for (let round = 0; round < 10; round++) {
        client.send('BDAT 1\r\nx'.repeat(1000));
        for (const reply of await client.replies(1000)) expect(reply).to.equal('250 2.0.0 Ok, chunk taken');
      }
      expect(process.memoryUsage().rss - before).to.be.lessThan(60_000_000);
      client.send('BDAT 1\r\nx'.repeat(20));
      const [first, ...more] = (await client.replies(20)).reverse();
      expect(first).to.match(/^551 5\.0\.0 /);
      expect(more.join()).to.include('554 5.5.0 ');
      client.send('BDAT 1 LAST\r\nx');
      expect(await client.reply()).to.match(/^551 /);
    } finally {
      await scene.close();
    }
  });

  it('B9 twenty megabytes over the limit are drained and not stored, and the session goes on', async () => {
    const options = { limits: { maxSize: 10_000 } };
    const wire = Buffer.concat([
      Buffer.from('BDAT 20000000 LAST\r\n'),
      Buffer.alloc(20_000_000, 'QUIT\r\n'),
      Buffer.from('NOOP\r\n'),
    ]);
    const { replies, stored } = await play({ at: 'envelope', options }, [wire], 'socket');
    expect(replies.map((reply) => reply.slice(0, 9))).to.deep.equal([
      '552 5.3.4',
      '250 2.0.0',
      '250 2.0.0',
      '221 2.0.0',
    ]);
    expect(stored).to.deep.equal([]);
  });

  it('B13 a connection that ends at any byte of the chunks leaves nothing', async () => {
    const wire = 'BDAT 5\r\nabcdeBDAT 5 LAST\r\nabcde';
    for (let cut = 0; cut < wire.length; cut++) {
      const scene = new Scene();
      const client = await scene.withEnvelope();
      client.send(wire.slice(0, cut));
      await turn();
      client.transport.end();
      expect((await client.rest()).length).to.be.at.most(1);
      await until(2000, () => scene.store.open.size === 0);
      expect(scene.bodies).to.deep.equal([]);
    }
  });

  for (const [where, wire] of [
    ['inside a chunk', 'BDAT 5\r\nabc'],
    ['between chunks', 'BDAT 5\r\nabcde'],
  ] as const) {
    it(`B13 FIN ${where} leaves nothing`, async () => {
      const scene = new Scene();
      try {
        const socket = await scene.socket();
        const client = await scene.withEnvelope(socketTransport(socket));
        client.send(wire);
        socket.end();
        await client.rest();
        socket.destroy();
        await until(2000, () => scene.log.of('session.closed').length === 1);
        expect(scene.store.aborted).to.equal(1);
        expect(scene.store.open.size).to.equal(0);
        expect(scene.bodies).to.deep.equal([]);
      } finally {
        await scene.close();
      }
    });
  }

  it('says what an upstream must be able to take', async () => {
    const scene = new Scene(BINARY);
    const client = await scene.greeted();
    const rcpt = 'RCPT TO:<b@x.example>';
    await client.codes('EHLO c', 'MAIL FROM:<a@x.example> BODY=BINARYMIME', rcpt, 'BDAT 4 LAST\r\n\xe9\n');
    await client.codes('MAIL FROM:<a@x.example> BODY=8BITMIME', rcpt, 'DATA', 'S: x\r\n\r\n\xe9\r\n.');
    await client.codes('MAIL FROM:<a@x.example>', rcpt, 'DATA', 'S: \xe9\r\n\r\nx\r\n.');
    await client.codes('MAIL FROM:<a@x.example>', rcpt, 'DATA', 'S: x\r\n\r\nx\r\n.');
    expect(scene.store.messages.map(({ message }) => message.traits)).to.deep.equal([
      ['eight-bit', 'binary'],
      ['eight-bit'],
      ['eight-bit', 'utf8-header'],
      [],
    ]);
  });
});
