// C: command lines, addresses, parameters. Rows that are a short dialogue are in test/transcripts (dialogues.test.ts).
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { everySplit } from '../../../src/testing.ts';
import { deferred, turn, until, within } from '../../support/within.ts';
import { Client } from '../support/client.ts';
import { Scene, type SceneOptions } from '../support/sessions.ts';

describe('corpus C: commands', () => {
  let scene: Scene;
  const open = async (options: SceneOptions = {}): Promise<Client> => {
    scene = new Scene(options);
    return scene.greeted(scene.onSocket());
  };
  afterEach(() => scene?.close());

  it('C6 takes command lines of 512 octets, and MAIL and RCPT with what their extensions may add', async () => {
    const client = await open({ limits: { maxLine: 512 } });
    expect(await client.codes(`NOOP ${'x'.repeat(512 - 2 - 5)}`)).to.deep.equal(['250']);
    await scene.close();
    const roomy = await open();
    // RFC 1870 adds 26 to 512, RFC 3461 adds 500, RFC 6531 adds 10; the CRLF counts.
    const mail = `MAIL FROM:<a@x.example> RET=HDRS ENVID=${'e'.repeat(100)}`;
    const long = `${mail}${' '.repeat(512 + 26 + 500 + 10 - 2 - mail.length - 7)} SIZE=1`;
    const rcpt = `RCPT TO:<b@x.example> ORCPT=rfc822;${'o'.repeat(493)}`;
    expect(await roomy.codes('EHLO c', long)).to.deep.equal(['250', '250']);
    expect(await roomy.codes(`${rcpt}${' '.repeat(512 + 500 - 2 - rcpt.length)}`)).to.deep.equal(['250']);
  });

  for (const [length, maxLine] of [
    [2000, 1000],
    [3000, 2048],
    [100_000, 2048],
  ] as const) {
    const bytes = `NOOP ${'x'.repeat(length)}\r\nNOOP\r\n`;
    it(`C7 a line of ${length} bytes is answered once, and the next command is understood`, async () => {
      const client = await open({ limits: { maxLine } });
      client.send(bytes);
      expect(await client.replies(2)).to.deep.equal(['500 5.5.2 Line too long', '250 2.0.0 Ok']);
    });
  }
  it('C7 the same in every chunking', async () => {
    const run = async (chunks: readonly Buffer[]): Promise<string[]> => {
      const client = await new Scene({ limits: { maxLine: 30 } }).greeted();
      for (const chunk of chunks) client.send(chunk);
      return client.replies(2);
    };
    const replies = await everySplit(`NOOP ${'x'.repeat(100)}\r\nNOOP\r\n`, run);
    expect(replies).to.deep.equal(['500 5.5.2 Line too long', '250 2.0.0 Ok']);
  });

  it('C8 ten megabytes without a line end hold no memory and end nothing', async () => {
    const client = await open();
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
    const client = await open();
    client.send('FROB\r\n'.repeat(25));
    const replies = await client.rest();
    expect(replies.slice(0, 19).every((reply) => reply.startsWith('500 5.5.2 '))).to.equal(true);
    expect(replies.slice(19)).to.deep.equal(['421 4.7.0 Too many errors']);
    const patient = await scene.greeted(scene.onSocket());
    for (let i = 0; i < 19; i++) expect(await patient.say('FROB')).to.match(/^500 /);
    expect(await patient.say('FROB')).to.match(/^421 4\.7\.0 /);
    expect(await patient.rest()).to.deep.equal([]);
  });

  for (const line of ['NOOP', 'RSET', 'VRFY b', 'HELP']) {
    it(`C11 150 times ${line} between two messages is too much`, async () => {
      const client = await open();
      client.send(`${line}\r\n`.repeat(150));
      const replies = await client.rest();
      expect(replies.length).to.be.within(100, 149);
      expect(replies.at(-1)).to.match(/^421 4\.7\.0 /);
    });
  }

  it('C11 how many that is can be set', async () => {
    const client = await open({ limits: { maxIdleCommands: 3, maxErrors: 2 } });
    client.send('NOOP\r\n'.repeat(10));
    expect((await client.rest()).map((reply) => reply.slice(0, 3))).to.deep.equal(['250', '250', '250', '250', '421']);
  });

  it('C11 a message in between starts the count anew', async () => {
    const client = await open();
    await client.say('HELO c');
    for (let round = 0; round < 3; round++) {
      client.send('NOOP\r\n'.repeat(60));
      for (const reply of await client.replies(60)) expect(reply).to.match(/^250 /);
      const codes = await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'x\r\n.');
      expect(codes).to.deep.equal(['250', '250', '354', '250']);
    }
  });

  for (const line of ['GET / HTTP/1.1', 'POST / HTTP/1.1', 'CONNECT mx.example:25 HTTP/1.1']) {
    it(`C12 ${line} ends the session at its first line`, async () => {
      const client = await open();
      client.send(`${line}\r\nHost: x\r\n\r\nMAIL FROM:<a@x.example>\r\n`);
      const [only, ...more] = await client.rest();
      expect(only).to.match(/^421 4\.7\.0 /);
      expect(more).to.deep.equal([]);
    });
  }

  it('C13 a TLS handshake on the plain port is told so, and the connection ends', async () => {
    scene = new Scene();
    const socket = await scene.socket();
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
  });

  it('C15 strict takes neither a blank behind the colon nor an address without brackets', async () => {
    const client = await open({ policy: { strictPaths: true } });
    await client.say('EHLO c');
    expect(await client.say('MAIL FROM: <a@x.example>')).to.match(/^501 5\.5\.4 /);
    expect(await client.say('MAIL FROM:a@x.example')).to.match(/^501 5\.5\.4 /);
    expect(await client.say('MAIL FROM:<a@x.example>')).to.match(/^250 /);
    expect(await client.say('RCPT TO: <b@x.example>')).to.match(/^501 5\.5\.4 /);
    expect(await client.say('RCPT TO:b@x.example')).to.match(/^501 5\.5\.4 /);
  });

  it('C23 C24 C25 keeps addresses byte for byte, but for a source route', async () => {
    const client = await open();
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
    const client = await open();
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

  it('C29 a contradiction in NOTIFY is refused, and what is right is kept as it came', async () => {
    const client = await open();
    const to = 'RCPT TO:<b@x.example>';
    expect(await client.codes('EHLO c', 'MAIL FROM:<a@x.example>')).to.deep.equal(['250', '250']);
    for (const bad of ['NEVER,SUCCESS', 'SUCCESS,SUCCESS', 'SOMETIMES', ',']) {
      expect(await client.say(`${to} NOTIFY=${bad}`)).to.match(/^501 5\.5\.4 /);
    }
    const good = `${to} notify=Success,DELAY ORCPT=rfc822;b+2Bc@x.example`;
    expect(await client.codes(good, 'DATA', 'x\r\n.')).to.deep.equal(['250', '354', '250']);
    expect(scene.store.messages[0]!.message.recipients[0]!.parameters).to.deep.equal([
      ['NOTIFY', 'Success,DELAY'],
      ['ORCPT', 'rfc822;b+2Bc@x.example'],
    ]);
  });

  it('C30 1500 recipients in one write: as many as the limit, the rest is told to come again', async () => {
    const client = await open();
    expect(await client.codes('EHLO c', 'MAIL FROM:<a@x.example>')).to.deep.equal(['250', '250']);
    client.send(Array.from({ length: 1500 }, (_, i) => `RCPT TO:<b${i}@x.example>\r\n`).join(''));
    const replies = await client.replies(1500);
    expect(replies.slice(0, 1000).every((reply) => reply === '250 2.1.5 Ok')).to.equal(true);
    expect(replies.slice(1000).every((reply) => reply.startsWith('452 4.5.3 '))).to.equal(true);
    expect(await client.codes('NOOP', 'DATA', 'x\r\n.')).to.deep.equal(['250', '354', '250']);
    expect(scene.store.messages[0]!.message.recipients.length).to.equal(1000);
  });

  it('C31 a client that pipelines and never reads is not read either, and gets all it asked for when it reads', async () => {
    scene = new Scene();
    const socket = await scene.socket();
    socket.pause();
    const COUNT = 50_000;
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
  });

  it('keeps a recipient of another script with SMTPUTF8 (RFC 6531), and says so in Received', async () => {
    const client = await open();
    await client.say('EHLO c');
    const line = (text: string): Promise<string> => client.say(Buffer.from(text).toString('latin1'));
    expect(await line('MAIL FROM:<é@x.example> SMTPUTF8')).to.match(/^250 /);
    expect(await line('RCPT TO:<b@é.example> ORCPT=utf-8;b\\x{E9}@é.example')).to.match(/^250 /);
    expect(await line('VRFY é SMTPUTF8')).to.match(/^252 [ -~]+$/);
    expect(await client.codes('DATA', 'S: \xc3\xa9\r\n\r\nx\r\n.')).to.deep.equal(['354', '250']);
    const [{ message, content }] = scene.store.messages as [(typeof scene.store.messages)[0]];
    expect(message.sender).to.equal('é@x.example');
    expect(message.recipients[0]!.address).to.equal('b@é.example');
    expect(message.traits).to.deep.equal(['eight-bit', 'utf8-header']);
    expect(content.toString()).to.match(/ with UTF8SMTP id \w+;\r\n/);
  });

  it('counts the messages of a session, where that is limited, and says so in EHLO (RFC 9422)', async () => {
    const client = await open({ limits: { maxMessages: 2 } });
    expect(await client.say('EHLO c')).to.include('\n250-LIMITS MAILMAX=2 RCPTMAX=1000\n');
    for (let n = 0; n < 2; n++) {
      const codes = await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'x\r\n.');
      expect(codes).to.deep.equal(['250', '250', '354', '250']);
    }
    expect(await client.say('MAIL FROM:<a@x.example>')).to.match(/^421 4\.7\.0 /);
    expect(await client.rest()).to.deep.equal([]);
  });

  it('offers what holds, and no more', async () => {
    const client = await open();
    expect((await client.say('EHLO c.example')).split('\n')).to.deep.equal([
      '250-mx.example',
      '250-PIPELINING',
      '250-SIZE 1000000',
      '250-8BITMIME',
      '250-SMTPUTF8',
      '250-CHUNKING',
      '250-DSN',
      '250-ENHANCEDSTATUSCODES',
      '250-LIMITS RCPTMAX=1000',
      '250 HELP',
    ]);
    await scene.close();
    const other = await open({ limits: { maxSize: Number.POSITIVE_INFINITY }, policy: { offersBinary: true } });
    expect(await other.say('EHLO c.example'))
      .to.include('\n250-SIZE 0\n')
      .and.to.include('\n250-BINARYMIME\n');
  });

  it('a message that is only thrown away is not stored', async () => {
    scene = new Scene({ route: (address) => (address.startsWith('drop') ? 'discard' : 'capture') });
    const client = await scene.withEnvelope(scene.onSocket());
    const rcpt = 'RCPT TO:<drop@x.example>';
    expect(await client.codes(rcpt, 'DATA', 'kept\r\n.')).to.deep.equal(['250', '354', '250']);
    expect(await client.codes('MAIL FROM:<a@x.example>', rcpt, 'DATA', 'gone\r\n.')).to.deep.equal([
      '250',
      '250',
      '354',
      '250',
    ]);
    expect(scene.bodies).to.deep.equal(['kept\r\n']);
    expect(scene.store.messages[0]!.message.recipients.map(({ address }) => address)).to.deep.equal(['b@x.example']);
    expect(scene.store.open.size).to.equal(0);
  });
});
