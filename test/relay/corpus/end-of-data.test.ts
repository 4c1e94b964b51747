// E: where a message ends, and what becomes of its line endings (RFC 5321 2.3.8, 4.1.1.4, 4.5.2). The dialogues of this
// section are in test/transcripts too; here are the rows whose bytes matter one by one, and those about broken ends.
import { expect } from 'chai';
import { socketTransport } from '../../../src/transport.ts';
import { deferred, turn, until } from '../../support/within.ts';
import { Scene } from '../support/sessions.ts';
import { arrive, play, testRow } from './rows.ts';

const BEFORE = 'Subject: t\r\n\r\nA';
const BEHIND = 'MAIL FROM:<evil@x.example>\r\nRCPT TO:<v@x.example>\r\nDATA\r\nSubject: s\r\n\r\nSMUGGLED\r\n';

/** What stands between, what it becomes under normalise, and under preserve (one dot goes behind a CRLF). */
const SMUGGLING: readonly [row: string, wire: string, normalised: string, preserved: string][] = [
  ['E3', '\n.\n', '\r\n\r\n', '\n.\n'],
  ['E4', '\n.\r\n', '\r\n\r\n', '\n.\r\n'],
  ['E5', '\r\n.\n', '\r\n\r\n', '\r\n\n'],
  ['E6', '\r.\r', '\r\n\r\n', '\r.\r'],
  ['E7', '\r.\n', '\r\n\r\n', '\r.\n'],
  ['E8', '\n.\r', '\r\n\r\n', '\n.\r'],
  ['E9', '\r.\r\n', '\r\n\r\n', '\r.\r\n'],
  ['E10', '\r\n.\r', '\r\n\r\n', '\r\n\r'],
  ['E11', '\r\n\0.\r\n', '\r\n\0.\r\n', '\r\n\0.\r\n'],
  ['E12', '\r\n.\0\r\n', '\r\n\0\r\n', '\r\n\0\r\n'],
  ['E13', '\r\n.\r\r\n', '\r\n\r\n\r\n', '\r\n\r\r\n'],
  ['E14', '\r\r\n.\r\r\n', '\r\n\r\n\r\n\r\n', '\r\r\n\r\r\n'],
];

describe('corpus E: the end of the data', () => {
  for (const [row, wire, normalised, preserved] of SMUGGLING) {
    const shown = JSON.stringify(wire);
    const bytes = `${BEFORE}${wire}${BEHIND}.\r\n`;
    const common = { row: `${row} E15`, at: 'data', wire: bytes } as const;
    testRow({
      ...common,
      title: `strict refuses a message with ${shown} behind its true end`,
      replies: ['550 5.5.2 '],
    });
    testRow({
      ...common,
      title: `normalise makes one message of ${shown}, with nothing in it that could be taken for an end`,
      options: { lineEndings: 'normalise' },
      replies: ['250 2.0.0 Ok: queued'],
      stored: [BEFORE + normalised + BEHIND],
    });
    testRow({
      ...common,
      title: `preserve makes one message of ${shown}`,
      options: { lineEndings: 'preserve' },
      replies: ['250 2.0.0 Ok: queued'],
      stored: [BEFORE + preserved + BEHIND],
    });

    it(`${row} E15 ${shown} on a socket, cut at each of its bytes`, async () => {
      const scene = new Scene();
      try {
        for (let cut = BEFORE.length; cut <= BEFORE.length + wire.length; cut++) {
          const socket = await scene.socket();
          const client = await scene.inData(socketTransport(socket));
          // Written and gone before the rest is: loopback does not join what was sent in two turns.
          await new Promise((sent) => socket.write(bytes.slice(0, cut), 'latin1', sent));
          await turn();
          expect(await client.say(bytes.slice(cut, -2))).to.match(/^550 5\.5\.2 /);
          expect(await client.codes('NOOP')).to.deep.equal(['250']);
        }
        expect(scene.bodies).to.deep.equal([]);
      } finally {
        await scene.close();
      }
    });
  }

  const CONTENT: readonly [row: string, title: string, wire: string, stored: string][] = [
    ['E1', 'no content', '.\r\n', ''],
    ['E2', 'one line', 'S: t\r\n\r\nx\r\n.\r\n', 'S: t\r\n\r\nx\r\n'],
    ['E2', 'an empty line only', '\r\n.\r\n', '\r\n'],
    ['E16', 'a stuffed dot first', '..\r\ntail\r\n.\r\n', '.\r\ntail\r\n'],
    ['E17', 'dots', 'S: t\r\n\r\n..x\r\n..\r\n.y\r\n.\r\n', 'S: t\r\n\r\n.x\r\n.\r\ny\r\n'],
    ['E17', 'dots and CRLFs in a row', '\r\n..\r\n...\r\n\r\n.\r\n', '\r\n.\r\n..\r\n\r\n'],
    ['E27', 'a folded first line', ' folded\r\nS: t\r\n.\r\n', '\r\n folded\r\nS: t\r\n'],
    ['E27', 'a folded first line behind a dot', '.\tfolded\r\nS: t\r\n.\r\n', '\r\n\tfolded\r\nS: t\r\n'],
    ['E27', 'an mbox From line', '>From y\r\nS: t\r\n.\r\n', '>From y\r\nS: t\r\n'],
    ['E20', '8-bit bytes and a NUL', 'S: \xff\r\n\r\n\x00\x80\xfe\r\n.\r\n', 'S: \xff\r\n\r\n\x00\x80\xfe\r\n'],
  ];
  for (const [row, title, wire, stored] of CONTENT) {
    testRow({
      row,
      title: `${title}, stored as it is`,
      at: 'data',
      wire,
      replies: ['250 2.0.0 Ok: queued'],
      stored: [stored],
    });
  }

  const REFUSED: readonly [row: string, title: string, wire: string][] = [
    ['E18', 'a bare LF before dots', 'S: t\r\n\r\na\n..b\r\n.\r\n'],
    ['E19', 'a CR behind a lone dot', 'x\r\n.\rx\r\n.\r\n'],
    ['E19', 'a CR as the last byte before the mark', 'x\r\r\n.\r\n'],
    ['E18', 'an LF first', '\nx\r\n.\r\n'],
  ];
  for (const [row, title, wire] of REFUSED) {
    testRow({ row, title: `${title} is refused`, at: 'data', wire, replies: ['550 5.5.2 '] });
  }
  const MENDED: readonly [row: string, policy: 'normalise' | 'preserve', wire: string, stored: string][] = [
    ['E18', 'normalise', 'S: t\r\n\r\na\n..b\r\n.\r\n', 'S: t\r\n\r\na\r\n.b\r\n'],
    ['E18', 'preserve', 'S: t\r\n\r\na\n..b\r\n.\r\n', 'S: t\r\n\r\na\n..b\r\n'],
    ['E19', 'normalise', 'x\r\n.\rx\r\n.\r\n', 'x\r\n\r\nx\r\n'],
    ['E19', 'preserve', 'x\r\n.\rx\r\n.\r\n', 'x\r\n\rx\r\n'],
  ];
  for (const [row, policy, wire, stored] of MENDED) {
    const options = { lineEndings: policy };
    testRow({
      row,
      title: `under ${policy}`,
      at: 'data',
      wire,
      options,
      replies: ['250 2.0.0 Ok: queued'],
      stored: [stored],
    });
  }

  it('E21 a million bytes of stuffed dots cost no more than others, and nobody waits for them', async () => {
    const scene = new Scene({ limits: { maxSize: 10_000_000 } });
    try {
      const [slow, other] = [await scene.inData(scene.onSocket()), await scene.greeted(scene.onSocket())];
      const begin = performance.now();
      slow.send(`${'..\r\n'.repeat(250_000)}.\r\n`);
      expect(await other.codes('NOOP', 'NOOP')).to.deep.equal(['250', '250']);
      expect(await slow.reply()).to.match(/^250 /);
      expect(performance.now() - begin).to.be.lessThan(1500);
      expect(scene.bodies[0] === '.\r\n'.repeat(250_000)).to.equal(true);
    } finally {
      await scene.close();
    }
  });

  for (const length of [998, 999, 2000, 100_000]) {
    const wire = Buffer.from(`S: t\r\n\r\n${'x'.repeat(length)}\r\n.\r\n`);
    it(`E22 a line of ${length} bytes is stored uncut, where no limit is set`, async () => {
      const { replies, stored } = await play({ at: 'data' }, [wire], 'socket');
      expect(replies[0]).to.match(/^250 2\.0\.0 Ok: queued/);
      expect(stored[0] === wire.toString('latin1').slice(0, -3)).to.equal(true);
    });

    it(`E22 a line of ${length} bytes meets a limit of 998 at the end of the data`, async () => {
      const options = { limits: { maxTextLine: 998 } };
      const { replies, stored } = await play({ at: 'data', options }, [wire], 'socket');
      expect(replies.map((reply) => reply.slice(0, 9))).to.deep.equal([
        length === 998 ? '250 2.0.0' : '554 5.6.0',
        '250 2.0.0',
        '221 2.0.0',
      ]);
      expect(stored.length).to.equal(length === 998 ? 1 : 0);
    });
  }
  testRow({
    row: 'E22',
    title: 'a line of one byte too many, in every chunking',
    at: 'data',
    wire: `S: t\r\n\r\nabc\r\n${'x'.repeat(12)}\r\ny\r\n.\r\n`,
    options: { limits: { maxTextLine: 11 } },
    replies: ['554 5.6.0 '],
  });

  it('E23 a message without end is cut off at twice the limit, and no more than the limit was stored', async () => {
    const scene = new Scene({ limits: { maxSize: 10_000 } });
    try {
      let written = 0;
      scene.store.onWrite = (piece) => {
        written += piece.length;
      };
      const client = await scene.inData(scene.onSocket());
      const before = process.memoryUsage().rss;
      let sent = 0;
      while (!client.gone && sent < 50_000_000) {
        client.send('x'.repeat(998).concat('\r\n'));
        sent += 1000;
        await turn();
      }
      const [only, ...more] = await client.rest();
      expect(only).to.match(/^421 4\.3\.4 /);
      expect(more).to.deep.equal([]);
      expect(written).to.be.lessThan(11_000);
      expect(scene.store).to.include({ aborted: 1 });
      expect(scene.bodies).to.deep.equal([]);
      expect(process.memoryUsage().rss - before).to.be.lessThan(100_000_000);
    } finally {
      await scene.close();
    }
  });

  // One that just fits does: neither the mark nor the stuffing counts.
  testRow({
    row: 'E24',
    title: 'a message over the limit gets its 552 at the end, and the next command its own answer',
    at: 'data',
    wire: `${'x'.repeat(18)}\r\n.\r\nMAIL FROM:<n@x.example>\r\n`,
    options: { limits: { maxSize: 19 } },
    replies: ['552 5.3.4 ', '250 2.1.0 '],
  });
  testRow({
    row: 'E24',
    title: 'a message of just the limit fits',
    at: 'data',
    wire: `..${'x'.repeat(16)}\r\n.\r\n`,
    options: { limits: { maxSize: 19 } },
    replies: ['250 2.0.0 Ok: queued'],
    stored: [`.${'x'.repeat(16)}\r\n`],
  });

  for (const how of ['reset', 'FIN', 'FIN behind half a mark'] as const) {
    it(`E25 a connection that ends with ${how} in the middle of the content leaves nothing`, async () => {
      const scene = new Scene();
      try {
        const socket = await scene.socket();
        const client = await scene.inData(socketTransport(socket));
        client.send(`S: t\r\n\r\npart${how === 'FIN behind half a mark' ? '\r\n.' : ''}`);
        await until(2000, () => scene.sessions[0]!.stats.pieces > 3 || scene.sessions[0]!.stats.held > 0);
        if (how === 'reset') socket.resetAndDestroy();
        else socket.end();
        await until(2000, () => scene.log.of('session.closed').length === 1 || client.gone);
        socket.destroy();
        await until(2000, () => scene.log.of('session.closed').length === 1);
        expect(scene.store.open.size).to.equal(0);
        expect(scene.store.aborted).to.equal(1);
        expect(scene.bodies).to.deep.equal([]);
        expect(scene.accepted).to.deep.equal([]);
      } finally {
        await scene.close();
      }
    });
  }

  it('E25 a connection that ends at any byte of the content or of its mark leaves nothing', async () => {
    const wire = 'S: t\r\n\r\npart\r\n.\r\n';
    for (let cut = 0; cut < wire.length; cut++) {
      const scene = new Scene();
      const client = await arrive(scene, 'data', 'memory');
      client.send(wire.slice(0, cut));
      client.transport.end();
      expect(await client.rest()).to.deep.equal([]);
      await until(2000, () => scene.store.open.size === 0);
      expect(scene.bodies).to.deep.equal([]);
    }
  });

  for (const how of ['FIN', 'reset'] as const) {
    it(`E26 a whole message with ${how} right behind it is stored once (RFC 1047)`, async () => {
      const scene = new Scene();
      const commit = deferred();
      scene.store.onCommit = () => commit.promise;
      try {
        const socket = await scene.socket();
        const client = await scene.inData(socketTransport(socket));
        client.send('S: t\r\n\r\nx\r\n.\r\n');
        if (how === 'FIN') {
          socket.end();
          await until(2000, () => scene.store.open.size === 1);
        } else {
          await until(2000, () => scene.sessions[0]!.stats.frames === 5);
          socket.resetAndDestroy();
        }
        commit.resolve();
        await until(2000, () => scene.accepted.length === 1);
        expect(scene.bodies).to.deep.equal(['S: t\r\n\r\nx\r\n']);
        // Whoever only ended his stream still gets the answer.
        if (how === 'FIN') expect((await client.rest()).join()).to.match(/^250 2\.0\.0 Ok: queued as \w+$/);
        else await until(2000, () => scene.log.of('session.closed').length === 1);
        expect(scene.log.records.filter(({ level }) => level === 'error')).to.deep.equal([]);
      } finally {
        await scene.close();
      }
    });
  }

  const boundary = (n: number): string => `--b${n}\r\nContent-Type: multipart/mixed; boundary=b${n + 1}\r\n\r\n`;
  const LARGE: readonly [title: string, content: string, reply: string][] = [
    ['a hundred thousand header lines', `${'X-1: y\r\n'.repeat(100_000)}\r\nx\r\n`, '250 2.0.0'],
    ['one folded field of five megabytes', `X: ${'y\r\n z'.repeat(1_000_000)}\r\n\r\nx\r\n`, '552 5.3.4'],
    ['one line of five megabytes in the header', `X: ${'y'.repeat(5_000_000)}\r\n\r\nx\r\n`, '552 5.3.4'],
    ['ten thousand parts', `S: t\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(10_000)}--b--\r\n`, '250 2.0.0'],
    [
      'parts a thousand deep',
      `S: t\r\n\r\n${Array.from({ length: 1000 }, (_, n) => boundary(n)).join('')}`,
      '250 2.0.0',
    ],
  ];
  for (const [title, content, reply] of LARGE) {
    it(`E29 ${title}, in linear time: ${reply}`, async () => {
      const options = { limits: { maxSize: 20_000_000, maxHeader: 1_000_000 } };
      const begin = performance.now();
      const { replies } = await play({ at: 'data', options }, [Buffer.from(`${content}.\r\n`)], 'socket');
      expect(replies.map((one) => one.slice(0, 9))).to.deep.equal([reply, '250 2.0.0', '221 2.0.0']);
      expect(performance.now() - begin).to.be.lessThan(1500);
    });
  }
  testRow({
    row: 'E29',
    title: 'a header of one byte too many, in every chunking',
    at: 'data',
    wire: 'A: b\r\nC: d\r\n e\r\n\r\nx: y\r\n.\r\n',
    options: { limits: { maxHeader: 15 } },
    replies: ['552 5.3.4 '],
  });
  testRow({
    row: 'E29',
    title: 'a header of just the limit, in every chunking',
    at: 'data',
    wire: 'A: b\r\nC: d\r\n e\r\n\r\nx: y\r\n.\r\n',
    options: { limits: { maxHeader: 16 } },
    replies: ['250 2.0.0'],
    stored: ['A: b\r\nC: d\r\n e\r\n\r\nx: y\r\n'],
  });
});
