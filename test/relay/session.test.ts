// The session against the rows of the behaviour corpus that need more than a dialogue: stored bytes in every chunking,
// limits, broken connections, a store in trouble, deadlines. Tests are named by row; the dialogues are in transcripts/.
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import type { LinePolicy } from '../../src/lines.ts';
import { everySplit } from '../../src/testing.ts';
import { socketTransport } from '../../src/transport.ts';
import { deferred, turn, until, within } from '../support/within.ts';
import { Client } from './support/client.ts';
import { Scene, type SceneOptions } from './support/sessions.ts';

interface Result {
  readonly replies: string[];
  readonly stored: string[];
}

/** Sends this content in these pieces behind a 354, then asks whether the session is still usable. */
async function deliver(chunks: readonly Buffer[], options: SceneOptions = {}): Promise<Result> {
  const scene = new Scene(options);
  const client = await scene.inData();
  for (const chunk of chunks) {
    client.send(chunk);
    await turn();
  }
  client.send('NOOP\r\nQUIT\r\n');
  const replies = await client.rest();
  return { replies: replies.map(withoutId), stored: scene.bodies };
}

function withoutId(reply: string): string {
  return reply.replace(/queued as \w+/, 'queued');
}

const QUEUED = '250 2.0.0 Ok: queued';
const GOES_ON = ['250 2.0.0 Ok', '221 2.0.0 Bye'];

describe('E: the end of the data', () => {
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

  for (const [row, wire, normalised, preserved] of SMUGGLING) {
    const shown = JSON.stringify(wire);
    const bytes = `${BEFORE}${wire}${BEHIND}.\r\n`;

    it(`${row} E15 strict refuses a message with ${shown} behind its true end, in every chunking`, async () => {
      const result = await everySplit(bytes, (chunks) => deliver(chunks, { lineEndings: 'strict' }), { random: 20 });
      expect(result.replies[0]).to.match(/^550 5\.5\.2 /);
      expect(result.replies.slice(1)).to.deep.equal(GOES_ON);
      expect(result.stored).to.deep.equal([]);
    });

    it(`${row} E15 normalise makes one message of ${shown}, in every chunking`, async () => {
      const result = await everySplit(bytes, (chunks) => deliver(chunks, { lineEndings: 'normalise' }), { random: 20 });
      expect(result.replies).to.deep.equal([QUEUED, ...GOES_ON]);
      expect(result.stored).to.deep.equal([BEFORE + normalised + BEHIND]);
      // Nothing that any server behind us could take for an end of the message.
      expect(result.stored[0]).to.not.match(/[^\r]\n|\r[^\n]|\r\n\.\r\n/);
    });

    it(`${row} E15 preserve makes one message of ${shown}, in every chunking`, async () => {
      const result = await everySplit(bytes, (chunks) => deliver(chunks, { lineEndings: 'preserve' }), { random: 20 });
      expect(result.replies).to.deep.equal([QUEUED, ...GOES_ON]);
      expect(result.stored).to.deep.equal([BEFORE + preserved + BEHIND]);
    });

    it(`${row} E15 ${shown} over TCP, cut at each of its bytes`, async () => {
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

  /** More content in every chunking; the second is what is stored. */
  const CONTENT: readonly [title: string, wire: string, stored: string][] = [
    ['E1 no content', '.\r\n', ''],
    ['E2 one line', 'S: t\r\n\r\nx\r\n.\r\n', 'S: t\r\n\r\nx\r\n'],
    ['an empty line only', '\r\n.\r\n', '\r\n'],
    ['E16 a stuffed dot first', '..\r\ntail\r\n.\r\n', '.\r\ntail\r\n'],
    ['E17 dots', 'S: t\r\n\r\n..x\r\n..\r\n.y\r\n.\r\n', 'S: t\r\n\r\n.x\r\n.\r\ny\r\n'],
    ['E27 a folded first line', ' folded\r\nS: t\r\n.\r\n', '\r\n folded\r\nS: t\r\n'],
    ['E27 a folded first line behind a dot', '.\tfolded\r\nS: t\r\n.\r\n', '\r\n\tfolded\r\nS: t\r\n'],
    ['8-bit bytes and a NUL', 'S: \xff\r\n\r\n\x00\x80\xfe\r\n.\r\n', 'S: \xff\r\n\r\n\x00\x80\xfe\r\n'],
    ['dots and CRLFs in a row', '\r\n..\r\n...\r\n\r\n.\r\n', '\r\n.\r\n..\r\n\r\n'],
  ];
  for (const [title, wire, stored] of CONTENT) {
    it(`${title}, in every chunking`, async () => {
      const result = await everySplit(wire, (chunks) => deliver(chunks), { random: 50 });
      expect(result).to.deep.equal({ replies: [QUEUED, ...GOES_ON], stored: [stored] });
    });
  }

  const REFUSED: readonly [title: string, wire: string][] = [
    ['E18 a bare LF before dots', 'S: t\r\n\r\na\n..b\r\n.\r\n'],
    ['E19 a CR behind a lone dot', 'x\r\n.\rx\r\n.\r\n'],
    ['a CR as the last byte before the mark', 'x\r\r\n.\r\n'],
    ['an LF first', '\nx\r\n.\r\n'],
  ];
  for (const [title, wire] of REFUSED) {
    it(`${title}, refused in every chunking`, async () => {
      const result = await everySplit(wire, (chunks) => deliver(chunks), { random: 50 });
      expect(result.replies[0]).to.match(/^550 5\.5\.2 /);
      expect(result.replies.slice(1)).to.deep.equal(GOES_ON);
      expect(result.stored).to.deep.equal([]);
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
    it(`E22 a line of ${length} bytes is stored uncut`, async () => {
      const line = `${'x'.repeat(length)}\r\n`;
      const { replies, stored } = await deliver([Buffer.from(`S: t\r\n\r\n${line}.\r\n`)]);
      expect(replies).to.deep.equal([QUEUED, ...GOES_ON]);
      expect(stored[0] === `S: t\r\n\r\n${line}`).to.equal(true);
    });
  }

  it('E23 a message without end is cut off at twice the limit, and no more than the limit was stored', async () => {
    const scene = new Scene({ limits: { maxSize: 10_000 } });
    let written = 0;
    scene.store.onWrite = (piece) => {
      written += piece.length;
    };
    const client = await scene.inData();
    let sent = 0;
    while (!client.gone) {
      client.send('x'.repeat(998).concat('\r\n'));
      sent += 1000;
      await turn();
      expect(sent).to.be.lessThan(100_000);
    }
    const [only, ...more] = await client.rest();
    expect(only).to.match(/^421 4\.3\.4 /);
    expect(more).to.deep.equal([]);
    expect(sent).to.be.within(20_000, 30_000);
    expect(written).to.be.lessThan(11_000);
    expect(scene.store).to.include({ aborted: 1 });
    expect(scene.bodies).to.deep.equal([]);
  });

  it('E24 a message over the limit gets its 552 at the end, and the next command its own answer', async () => {
    const wire = `${'x'.repeat(18)}\r\n.\r\nMAIL FROM:<n@x.example>\r\n`;
    const scene = { limits: { maxSize: 19 } };
    const result = await everySplit(wire, (chunks) => deliver(chunks, scene), { random: 20 });
    expect(result.replies[0]).to.match(/^552 5\.3\.4 /);
    expect(result.replies.slice(1)).to.deep.equal(['250 2.1.0 Ok', ...GOES_ON]);
    expect(result.stored).to.deep.equal([]);
    // One that just fits does: neither the mark nor the stuffing counts.
    const fits = await everySplit(`..${'x'.repeat(16)}\r\n.\r\n`, (chunks) => deliver(chunks, scene));
    expect(fits.stored).to.deep.equal([`.${'x'.repeat(16)}\r\n`]);
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
        if (how === 'FIN') expect((await client.rest()).map(withoutId)).to.deep.equal([QUEUED]);
        else await until(2000, () => scene.log.of('session.closed').length === 1);
        expect(scene.log.records.filter(({ level }) => level === 'error')).to.deep.equal([]);
      } finally {
        await scene.close();
      }
    });
  }
});

describe('C: commands', () => {
  it('offers what it does, and no more', async () => {
    const client = await new Scene().greeted();
    expect((await client.say('EHLO c.example')).split('\n')).to.deep.equal([
      '250-mx.example',
      '250-PIPELINING',
      '250-SIZE 1000000',
      '250-8BITMIME',
      '250-ENHANCEDSTATUSCODES',
      '250 HELP',
    ]);
    const unlimited = await new Scene({ limits: { maxSize: Number.POSITIVE_INFINITY } }).greeted();
    expect(await unlimited.say('EHLO c.example')).to.include('\n250-SIZE 0\n');
  });

  it('C6 takes command lines of 512 octets, and MAIL with what its extensions may add', async () => {
    const client = await new Scene({ limits: { maxLine: 512 } }).greeted();
    expect(await client.codes(`NOOP ${'x'.repeat(512 - 2 - 5)}`)).to.deep.equal(['250']);
    const roomy = await new Scene().greeted();
    const mail = 'MAIL FROM:<a@x.example>';
    // RFC 1870 adds 26 to 512, RFC 3461 adds 500, RFC 6531 adds 10; the CRLF counts.
    const long = `${mail}${' '.repeat(512 + 26 + 500 + 10 - 2 - mail.length - 7)} SIZE=1`;
    expect(await roomy.codes('EHLO c', long)).to.deep.equal(['250', '250']);
  });

  for (const [length, maxLine] of [
    [2000, 1000],
    [3000, 2048],
    [100_000, 2048],
  ] as const) {
    it(`C7 a line of ${length} bytes is answered once, and the next command is understood`, async () => {
      const bytes = `NOOP ${'x'.repeat(length)}\r\nNOOP\r\n`;
      const run = async (chunks: readonly Buffer[]): Promise<string[]> => {
        const client = await new Scene({ limits: { maxLine } }).greeted();
        for (const chunk of chunks) client.send(chunk);
        return client.replies(2);
      };
      const replies = length > 3000 ? await run([Buffer.from(bytes)]) : await everySplit(bytes, run);
      expect(replies).to.deep.equal(['500 5.5.2 Line too long', '250 2.0.0 Ok']);
    });
  }

  it('C8 ten megabytes without a line end hold no memory and end nothing', async () => {
    const scene = new Scene();
    const client = await scene.greeted();
    const [session] = scene.sessions as [{ stats: { held: number }; line: string }] & typeof scene.sessions;
    const piece = Buffer.alloc(65536, 'x');
    for (let i = 0; i < 160; i++) {
      client.send(piece);
      await turn();
      expect(session.stats.held).to.be.lessThan(4);
      expect(session.line.length).to.be.at.most(2048);
    }
    client.send('\r\nNOOP\r\n');
    expect(await client.replies(2)).to.deep.equal(['500 5.5.2 Line too long', '250 2.0.0 Ok']);
  });

  it('C10 ends a session at its 20th error, in one write or one by one', async () => {
    const client = await new Scene().greeted();
    client.send('FROB\r\n'.repeat(25));
    const replies = await client.rest();
    expect(replies.slice(0, 19).every((reply) => reply.startsWith('500 5.5.2 '))).to.equal(true);
    expect(replies.slice(19)).to.deep.equal(['421 4.7.0 Too many errors']);
    const patient = await new Scene().greeted();
    for (let i = 0; i < 19; i++) expect(await patient.say('FROB')).to.match(/^500 /);
    expect(await patient.say('FROB')).to.match(/^421 4\.7\.0 /);
    expect(await patient.rest()).to.deep.equal([]);
  });

  for (const line of ['NOOP', 'RSET', 'VRFY b', 'HELP']) {
    it(`C11 150 times ${line} between two messages is too much`, async () => {
      const client = await new Scene().greeted();
      client.send(`${line}\r\n`.repeat(150));
      const replies = await client.rest();
      expect(replies.length).to.be.within(100, 149);
      expect(replies.at(-1)).to.match(/^421 4\.7\.0 /);
    });
  }

  it('C11 a message in between starts the count anew', async () => {
    const client = await new Scene().greeted();
    await client.say('HELO c');
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 60; i++) expect(await client.say('NOOP')).to.match(/^250 /);
      const codes = await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'x\r\n.');
      expect(codes).to.deep.equal(['250', '250', '354', '250']);
    }
  });

  it('C13 a TLS handshake on the plain port is told so, and the connection ends', async () => {
    const scene = new Scene();
    try {
      const socket = await scene.socket();
      const heard: Buffer[] = [];
      socket.on('data', (chunk) => heard.push(chunk));
      const secure = connectTls({ socket, rejectUnauthorized: false });
      await within(3000, new Promise((resolve) => secure.once('error', resolve)), 'an end of the handshake');
      await until(3000, () => scene.log.of('session.closed').length === 1, 'the end of the session');
      // A client that looks at what it got instead.
      const raw = new Client(await scene.onSocket());
      raw.send(Buffer.from('16030100fa010000f60303', 'hex'));
      const replies = await raw.rest();
      expect(replies[0]).to.match(/^220 /);
      expect(replies[1]).to.match(/^50[01] /);
      expect(replies.length).to.equal(2);
      expect(replies.join()).to.match(/^[ -~]*$/);
    } finally {
      await scene.close();
    }
  });

  it('C23 C24 C25 keeps addresses byte for byte, but for a source route', async () => {
    const scene = new Scene();
    const client = await scene.greeted();
    await client.say('EHLO c');
    expect(await client.say('MAIL FROM:<@h.example,@i.example:a@x.example>')).to.match(/^250 /);
    const addresses = ['"a b@c"@x.example', '"a>b"@x.example', '"a\\"b"@x.example', 'a@[127.0.0.1]', 'a@[IPv6:::1]'];
    for (const address of addresses) expect(await client.say(`RCPT TO:<${address}>`)).to.match(/^250 /);
    expect(await client.say('RCPT TO:<a@[999.1.1.1]>')).to.match(/^501 5\.1\.3 /);
    expect(await client.codes('DATA', 'x\r\n.')).to.deep.equal(['354', '250']);
    const [{ message }] = scene.store.messages as [(typeof scene.store.messages)[0]];
    expect(message.sender).to.equal('a@x.example');
    expect(message.recipients.map(({ address }) => address)).to.deep.equal(addresses);
  });

  it('C26 refuses what is longer than RFC 5321 4.5.3.1 allows, and takes what is just as long', async () => {
    const client = await new Scene().greeted();
    const domain = (length: number) => `${`${'d'.repeat(62)}.`.repeat(4)}`.slice(0, length - 2).concat('.e');
    await client.say('EHLO c');
    const tries: readonly [address: string, code: string][] = [
      [`${'l'.repeat(64)}@x.example`, '250'],
      [`${'l'.repeat(65)}@x.example`, '501'],
      [`a@${domain(252)}`, '250'],
      [`a@${domain(253)}`, '501'],
      [`${'l'.repeat(64)}@${domain(189)}`, '250'],
      [`${'l'.repeat(64)}@${domain(190)}`, '501'],
      [`a@${'d'.repeat(63)}.example`, '250'],
      [`a@${'d'.repeat(64)}.example`, '501'],
    ];
    for (const [address, code] of tries) {
      const reply = await client.say(`MAIL FROM:<${address}>`);
      expect([address.length, reply.slice(0, 3)]).to.deep.equal([address.length, code]);
      await client.say('RSET');
    }
  });

  it('C30 1500 recipients in one write: as many as the limit, the rest is told to come again', async () => {
    const scene = new Scene();
    const client = await scene.greeted();
    expect(await client.codes('EHLO c', 'MAIL FROM:<a@x.example>')).to.deep.equal(['250', '250']);
    client.send(Array.from({ length: 1500 }, (_, i) => `RCPT TO:<b${i}@x.example>\r\n`).join(''));
    const replies = await client.replies(1500);
    expect(replies.slice(0, 1000).every((reply) => reply === '250 2.1.5 Ok')).to.equal(true);
    expect(replies.slice(1000).every((reply) => reply.startsWith('452 4.5.3 '))).to.equal(true);
    expect(await client.codes('NOOP', 'DATA', 'x\r\n.')).to.deep.equal(['250', '354', '250']);
    expect(scene.store.messages[0]!.message.recipients.length).to.equal(1000);
  });

  it('C31 a client that pipelines and never reads is not read either, and gets all it asked for when it reads', async () => {
    const scene = new Scene();
    try {
      const socket = await scene.socket();
      socket.pause();
      const COUNT = 100_000;
      socket.write('EHLO c.example\r\n'.repeat(COUNT));
      await until(5000, () => scene.sessions[0]?.readable() === false, 'the server to stop reading');
      const parsed = scene.sessions[0]!.stats.frames;
      for (let i = 0; i < 20; i++) await turn();
      // What the system buffers apart, nothing moves until somebody reads.
      expect(scene.sessions[0]!.stats.frames - parsed).to.be.lessThan(COUNT / 10);
      expect(parsed).to.be.lessThan(COUNT);
      let replies = -1;
      let rest = '';
      const all = deferred();
      socket.on('data', (chunk) => {
        const lines = (rest + chunk.toString('latin1')).split('\r\n');
        rest = lines.pop()!;
        for (const line of lines) if (line[3] === ' ') replies++;
        if (replies === COUNT) all.resolve();
      });
      socket.resume();
      await within(10_000, all.promise, 'all replies');
    } finally {
      await scene.close();
    }
  });
});

describe('S: state and time', () => {
  it('S8 bytes before the 220 are dealt with behind it', async () => {
    const scene = new Scene();
    const client = new Client(scene.inMemory());
    client.send('HELO c\r\nQUIT\r\n');
    expect(await client.rest()).to.deep.equal(['220 mx.example ESMTP lonedot', '250 mx.example', '221 2.0.0 Bye']);
  });

  it('S11 no time-out while the answer is ours to give: a slow commit', async () => {
    const scene = new Scene({ timeouts: { idle: 60, frame: 60 } });
    scene.store.onCommit = () => new Promise((resolve) => setTimeout(resolve, 400));
    const client = await scene.inData();
    expect(await client.say('x\r\n.')).to.match(/^250 2\.0\.0 Ok: queued/);
    expect(await client.say('NOOP')).to.match(/^250 /);
  });

  it('S11 no time-out while the answer is ours to give: a store that still opens', async () => {
    const scene = new Scene({ timeouts: { idle: 60, frame: 60 } });
    const { store } = scene;
    const opening = new Promise<void>((resolve) => setTimeout(resolve, 400)).then(() => {
      scene.context.store = store;
    });
    Object.assign(scene.context, { store: null, opening });
    const client = await scene.greeted();
    client.send('HELO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n');
    expect((await client.rest()).map((reply) => reply.slice(0, 3)).join()).to.equal('250,250,250,354,250,221');
    expect(scene.bodies).to.deep.equal(['x\r\n']);
  });

  it('S11 no time-out while the answer is ours to give: a store that takes its time with a piece', async () => {
    const scene = new Scene({ timeouts: { idle: 60, frame: 60 } });
    scene.store.onWrite = (_piece, written) => {
      if (written === 1) return new Promise((resolve) => setTimeout(resolve, 400));
    };
    const client = await scene.inData();
    client.send('one\r\n');
    await turn();
    client.send('two\r\n');
    await turn();
    client.send('three\r\n');
    await until(2000, () => scene.sessions[0]!.readable() === false);
    await until(2000, () => scene.sessions[0]!.readable());
    expect(await client.say('.')).to.match(/^250 2\.0\.0 Ok: queued/);
    expect(scene.bodies).to.deep.equal(['one\r\ntwo\r\nthree\r\n']);
  });

  for (const [where, prepare] of [
    ['before the first command', (scene: Scene) => scene.greeted()],
    ['in a transaction', (scene: Scene) => scene.withEnvelope()],
    ['in the content', (scene: Scene) => scene.inData()],
  ] as const) {
    it(`S12 a client that is idle ${where} is told so, and the connection ends`, async () => {
      const scene = new Scene({ timeouts: { idle: 80 } });
      const client = await prepare(scene);
      const [only, ...more] = await client.rest();
      expect(only).to.match(/^421 4\.4\.2 /);
      expect(more).to.deep.equal([]);
      client.transport.destroy();
      await until(2000, () => scene.log.of('session.closed').length === 1);
      expect(scene.store.open.size).to.equal(0);
    });

    it(`S13 bytes that drip in one by one ${where} do not put off the deadline of the whole`, async () => {
      const scene = new Scene({ timeouts: { idle: 5000, frame: 150 } });
      const client = await prepare(scene);
      const begin = performance.now();
      while (!client.gone && performance.now() - begin < 3000) {
        client.send('x');
        await Promise.race([client.ended, new Promise((resolve) => setTimeout(resolve, 10))]);
      }
      expect(client.gone).to.equal(true);
      expect((await client.rest())[0]).to.match(/^421 4\.4\.2 /);
      expect(performance.now() - begin).to.be.greaterThan(140);
      client.transport.destroy();
      await until(2000, () => scene.store.open.size === 0);
    });
  }

  it('S15 a drain lets a message end, then says 421; who is between messages hears it at once', async () => {
    const scene = new Scene();
    const clients = [await scene.greeted(), await scene.withEnvelope(), await scene.inData()] as const;
    for (const session of scene.sessions) session.drain();
    expect(await clients[0].rest()).to.deep.equal(['421 4.3.2 The server is stopping; please try again']);
    expect(await clients[1].codes('DATA', 'one\r\n.')).to.deep.equal(['354', '250']);
    expect(await clients[2].say('two\r\n.')).to.match(/^250 /);
    for (const client of clients.slice(1)) expect((await client.rest()).join()).to.match(/^421 4\.3\.2 [^,]*$/);
    expect(scene.bodies).to.deep.equal(['one\r\n', 'two\r\n']);
  });

  it('S16 a commit that fails is a 451, and the session goes on', async () => {
    const scene = new Scene();
    scene.store.onCommit = () => Promise.reject(new Error('disk full'));
    const client = await scene.inData();
    expect(await client.say('x\r\n.')).to.match(/^45[12] 4\.3\.[01] /);
    scene.store.onCommit = () => {};
    const again = ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'again\r\n.'];
    expect(await client.codes(...again)).to.deep.equal(['250', '250', '354', '250']);
    expect(scene.bodies).to.deep.equal(['again\r\n']);
    expect(scene.accepted).to.deep.equal([true]);
    expect(scene.log.levels('message.not_stored')).to.deep.equal(['error']);
    expect(scene.store.open.size).to.equal(0);
  });
});

describe('R: the relay', () => {
  it('R2 a message that has passed a hundred servers goes round in circles', async () => {
    const hop = 'Received: from a by b; Sun, 22 Nov 2026 09:00:00 +0000\r\n';
    const turnDown = await deliver([Buffer.from(`${hop.repeat(101)}\r\nx\r\n.\r\n`)]);
    expect(turnDown.replies[0]).to.match(/^554 5\.4\.6 /);
    expect(turnDown.stored).to.deep.equal([]);
    const taken = await deliver([Buffer.from(`${hop.repeat(100)}\r\n${hop.repeat(5)}.\r\n`)]);
    expect(taken.replies[0]).to.equal(QUEUED);
  });

  it('keeps the envelope of each transaction apart', async () => {
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
    const { helo, clientAddress, protocol, tls, authUser } = scene.store.messages[0]!.message;
    const said = { helo: 'c.example', clientAddress: '192.0.2.7', protocol: 'ESMTP', tls: '', authUser: '' };
    expect({ helo, clientAddress, protocol, tls, authUser }).to.deep.equal(said);
  });

  for (const policy of ['strict', 'normalise', 'preserve'] satisfies LinePolicy[]) {
    it(`the answer to a message is about that message only (${policy})`, async () => {
      const wire = 'good\r\n.\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nbad\n\r\n.\r\n';
      const result = await everySplit(wire, (chunks) => deliver(chunks, { lineEndings: policy }));
      const second = policy === 'normalise' ? ['bad\r\n\r\n'] : ['bad\n\r\n'];
      expect(result.stored).to.deep.equal(policy === 'strict' ? ['good\r\n'] : ['good\r\n', ...second]);
    });
  }
});
