// What the fault rules do to sessions, over real sockets: each phase with each action that it allows, what is stored, and
// that the session goes on as it should.
import { expect } from 'chai';
import { FaultRules } from '../../../relay/faults/fault-rules.ts';
import { parseFault } from '../../../relay/faults/short-form.ts';
import type { TranscriptLine } from '../../../relay/inbox/transcript.ts';
import type { SmtpContext } from '../../../relay/smtp/session-context.ts';
import { socketTransport } from '../../../src/transport.ts';
import { until, within } from '../../support/within.ts';
import { Client } from '../support/client.ts';
import { authPlain, startTls, TEST_TLS, testLogins, underTls } from '../support/secure-client.ts';
import { Scene, type SceneOptions } from '../support/sessions.ts';

const CONTENT = 'Subject: x\r\n\r\nhello\r\n';

class Faulty extends Scene {
  readonly rules: FaultRules;
  readonly transcripts: (readonly TranscriptLine[])[];

  constructor(faults: readonly string[], options: SceneOptions = {}) {
    const transcripts: (readonly TranscriptLine[])[] = [];
    const context: Partial<SmtpContext> = {
      keepsTranscripts: true,
      accepted: ({ transcript }) => transcripts.push(transcript),
      ...options.context,
    };
    super({ ...options, context });
    this.transcripts = transcripts;
    this.rules = new FaultRules(() => {
      this.context.faults = this.rules.isEmpty ? null : this.rules;
    });
    this.rules.replace(faults.map(parseFault));
  }

  async connected(): Promise<Client> {
    return new Client(await this.onSocket());
  }
}

/** How to come to each phase, and the line that it answers to. */
const DIALOGUE: readonly (readonly [phase: string, line: string])[] = [
  ['ehlo', 'EHLO c.example'],
  ['noop', 'NOOP'],
  ['vrfy', 'VRFY x'],
  ['help', 'HELP'],
  ['auth', authPlain('alice', 'secret')],
  ['mail', 'MAIL FROM:<a@x.example>'],
  ['rcpt', 'RCPT TO:<b@x.example>'],
  ['data', 'DATA'],
  ['dot', `${CONTENT}.`],
  ['rset', 'RSET'],
  ['helo', 'HELO c.example'],
  ['quit', 'QUIT'],
];
const COMMANDS = DIALOGUE.map(([phase]) => phase);

describe('faults in sessions', () => {
  const scenes: Scene[] = [];
  afterEach(async () => {
    await Promise.all(scenes.splice(0).map((one) => one.close()));
  });

  async function faulty(faults: readonly string[], options: SceneOptions = {}): Promise<Faulty> {
    const context = { auth: await testLogins(), ...options.context };
    const scene = new Faulty(faults, { ...options, context });
    scenes.push(scene);
    return scene;
  }

  /** Everything up to the phase, all of it well; gives the line of the phase. */
  async function upTo(phase: string, client: Client): Promise<string> {
    await client.reply();
    for (const [name, line] of DIALOGUE) {
      if (name === phase) return line;
      const answer = await client.say(line);
      expect(answer, line).to.match(/^[23]/);
    }
    throw new Error(`no phase ${phase}`);
  }

  /** How a session ended: with an end, or with an error of the socket. */
  async function endOf(
    scene: Faulty,
    talk: (client: Client) => Promise<void>,
  ): Promise<{ error: string; said: string }> {
    const socket = await scene.socket();
    let error = '';
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      error = code ?? '';
    });
    const client = new Client(socketTransport(socket));
    await talk(client);
    await within(4000, client.ended, 'the end');
    return { error, said: client.unread };
  }

  describe('reply', () => {
    for (const phase of COMMANDS) {
      it(`at ${phase} stands for the answer, once, and the session goes on`, async () => {
        const scene = await faulty([`${phase} reply="452 4.3.1 Out of luck" nth=1`]);
        const client = await scene.connected();
        const line = await upTo(phase, client);
        expect(await client.say(line)).to.equal('452 4.3.1 Out of luck');
        expect(scene.rules.list()).to.deep.include.members([
          { id: 'f1', phase, nth: 1, reply: '452 4.3.1 Out of luck', matches: 1, hits: 1 },
        ]);
        const stored = scene.store.messages.length;
        // What was refused can be tried again, after what it needs.
        const again = phase === 'dot' ? ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', line] : [line];
        const codes = await client.codes(...again);
        expect(codes.at(-1)![0], codes.join()).to.be.oneOf(['2', '3']);
        expect(scene.store.messages.length - stored).to.equal(phase === 'dot' ? 1 : 0);
        expect(scene.stats.refusals.get(452)).to.equal(1);
      });
    }

    it('at connect ends the session', async () => {
      const scene = await faulty(['connect reply="554 5.3.2 Not today"']);
      expect(await (await scene.connected()).rest()).to.deep.equal(['554 5.3.2 Not today']);
    });

    it('at RCPT refuses that recipient and keeps the others', async () => {
      const scene = await faulty(['rcpt to=bad@x.example reply=550']);
      const client = await scene.greeted(scene.onSocket());
      expect(
        await client.codes(
          ...['EHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<BAD@x.example>', 'RCPT TO:<b@x.example>', 'DATA'],
          `${CONTENT}.`,
        ),
      ).to.deep.equal(['250', '250', '550', '250', '354', '250']);
      expect(scene.store.messages[0]!.message.recipients.map(({ address }) => address)).to.deep.equal(['b@x.example']);
    });

    it('at the only RCPT leaves nobody to send to', async () => {
      const scene = await faulty(['rcpt reply=451']);
      const client = await scene.greeted(scene.onSocket());
      const codes = await client.codes('EHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'RSET');
      expect(codes).to.deep.equal(['250', '250', '451', '554', '250']);
    });

    it('at the login lets nobody in, of any mechanism, and counts no failure', async () => {
      const scene = await faulty(['auth reply=535']);
      const client = await scene.greeted(scene.onSocket());
      await client.say('EHLO c');
      expect(await client.say('AUTH LOGIN')).to.match(/^334/);
      await client.say(Buffer.from('alice').toString('base64'));
      expect(await client.say(Buffer.from('secret').toString('base64'))).to.match(/^535 5\.3\.0 /);
      expect(await client.codes(authPlain('alice', 'secret'), 'MAIL FROM:<a@x.example>')).to.deep.equal(['535', '250']);
      expect(scene.sessions[0]!.user).to.equal('');
    });

    it('to BDAT drops the octets of the message', async () => {
      const scene = await faulty(['data reply=452 nth=1']);
      const client = await scene.greeted(scene.onSocket());
      await client.codes('EHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>');
      client.send('BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nRSET\r\nNOOP\r\n');
      expect((await client.replies(3)).map((one) => one.slice(0, 3))).to.deep.equal(['452', '551', '250']);
      await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>');
      client.send('BDAT 3\r\nx\r\nBDAT 0 LAST\r\n');
      expect((await client.replies(2)).map((one) => one.slice(0, 3))).to.deep.equal(['250', '250']);
      expect(scene.bodies).to.deep.equal(['x\r\n']);
    });

    it('to STARTTLS leaves the connection in the clear', async () => {
      const scene = await faulty(['starttls reply="454 4.7.0 No TLS now" nth=1'], { context: { tls: TEST_TLS } });
      const socket = await scene.socket();
      const client = await scene.greeted(socketTransport(socket));
      expect(await client.codes('EHLO c', 'STARTTLS', 'NOOP')).to.deep.equal(['250', '454', '250']);
      expect(await (await startTls(socket, client)).codes('EHLO c')).to.deep.equal(['250']);
    });

    it('to the end of a message of LMTP comes for each recipient', async () => {
      const scene = await faulty(['dot reply=451 nth=1'], { door: { lmtp: true } });
      const client = await scene.greeted(scene.onSocket());
      const begin = ['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'RCPT TO:<c@x.example>', 'DATA'];
      await client.codes('LHLO c', ...begin);
      client.send(`${CONTENT}.\r\n`);
      expect((await client.replies(2)).map((one) => one.slice(0, 3))).to.deep.equal(['451', '451']);
      await client.codes(...begin);
      client.send(`${CONTENT}.\r\n`);
      expect((await client.replies(2)).map((one) => one.slice(0, 3))).to.deep.equal(['250', '250']);
      expect(scene.bodies).to.deep.equal([CONTENT]);
    });

    it('of 421 ends the session, after so many commands', async () => {
      const scene = await faulty(['command after-commands=3 reply="421 4.3.2 Going down"']);
      const client = await scene.greeted(scene.onSocket());
      expect(await client.codes('EHLO c', 'NOOP', 'MAIL FROM:<a@x.example>')).to.deep.equal(['250', '250', '250']);
      client.send('RCPT TO:<b@x.example>\r\nNOOP\r\n');
      expect(await client.rest()).to.deep.equal(['421 4.3.2 Going down']);
      const next = await scene.greeted(scene.onSocket());
      expect(await next.codes('EHLO c', 'NOOP')).to.deep.equal(['250', '250']);
    });

    it('is none of the errors after which a session is closed', async () => {
      const scene = await faulty(['rcpt reply=550'], { limits: { maxErrors: 3 } });
      const client = await scene.greeted(scene.onSocket());
      await client.codes('EHLO c', 'MAIL FROM:<a@x.example>');
      const codes = await client.codes(...Array<string>(10).fill('RCPT TO:<b@x.example>'));
      expect(new Set(codes)).to.deep.equal(new Set(['550']));
    });

    it('does not hide what the server itself refuses, which is no match', async () => {
      const scene = await faulty(['rcpt reply=451', 'mail reply=451']);
      const client = await scene.greeted(scene.onSocket());
      expect(await client.codes('RCPT TO:<b@x.example>', 'MAIL FROM:<@>', 'XYZ')).to.deep.equal(['503', '503', '500']);
      expect(scene.rules.list().map(({ matches }) => matches)).to.deep.equal([0, 0]);
    });
  });

  for (const [how, error] of [
    ['drop', ''],
    ['reset', 'ECONNRESET'],
  ] as const) {
    describe(how, () => {
      for (const phase of [...COMMANDS, 'command']) {
        it(`at ${phase} ends the connection without a word`, async () => {
          const scene = await faulty([`${phase} ${how}`]);
          const end = await endOf(scene, async (client) => {
            client.send(`${await upTo(phase === 'command' ? 'ehlo' : phase, client)}\r\n`);
          });
          expect(end).to.deep.equal({ error, said: '' });
          const isBehindDot = ['rset', 'helo', 'quit'].includes(phase);
          expect(scene.store.messages).to.have.length(isBehindDot ? 1 : 0);
          await until(4000, () => scene.context.sessions.size === 0);
        });
      }

      it('at connect comes before the greeting', async () => {
        const scene = await faulty([`connect ${how}`]);
        // A reset may come so early that the client has not even noticed that it was connected.
        const end = await endOf(scene, async () => {}).catch(({ code }: NodeJS.ErrnoException) => ({
          error: code,
          said: '',
        }));
        expect(end).to.deep.equal({ error, said: '' });
      });

      it('at the content comes when it begins', async () => {
        const scene = await faulty([`content ${how}`]);
        const end = await endOf(scene, async (client) => {
          client.send(`${await upTo('data', client)}\r\n`);
          await client.reply();
          client.send(CONTENT);
        });
        expect(end).to.deep.equal({ error, said: '' });
        await until(4000, () => scene.store.open.size === 0);
        expect(scene.store.messages).to.have.length(0);
      });

      it('after the dot stores the message and does not say so', async () => {
        const scene = await faulty([`dot ${how}=after`]);
        const end = await endOf(scene, async (client) => {
          client.send(`${await upTo('dot', client)}\r\n`);
        });
        expect(end).to.deep.equal({ error, said: '' });
        expect(scene.bodies).to.deep.equal([CONTENT]);
        const [lines] = scene.transcripts;
        expect(lines!.at(-1)!.from).to.not.equal('server');
        expect(lines!.map(({ text }) => text)).to.include(
          `fault f1: ${how === 'drop' ? 'close' : 'reset'} the connection, stored`,
        );
      });

      it('is possible inside of TLS', async () => {
        const scene = await faulty([`mail ${how}`], { context: { tls: TEST_TLS } });
        const socket = await scene.socket();
        const client = await startTls(socket, await scene.greeted(socketTransport(socket)));
        await client.say('EHLO c');
        client.send('MAIL FROM:<a@x.example>\r\n');
        await within(4000, client.ended, 'the end');
        expect(client.unread).to.equal('');
      });
    });
  }

  it('what was said before a drop arrives', async () => {
    const scene = await faulty(['rcpt drop']);
    const client = await scene.greeted(scene.onSocket());
    client.send('EHLO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n');
    expect((await client.rest()).map((one) => one.slice(0, 3))).to.deep.equal(['250', '250']);
  });

  describe('delay', () => {
    const DELAY = 120;
    for (const phase of ['connect', ...COMMANDS]) {
      it(`at ${phase} comes before the effect`, async () => {
        const scene = await faulty([`${phase} delay=${DELAY}ms`]);
        const client = await scene.connected();
        const line = phase === 'connect' ? '' : await upTo(phase, client);
        const start = performance.now();
        const answer = line === '' ? await client.reply() : await client.say(line);
        expect(performance.now() - start).to.be.at.least(DELAY - 5);
        expect(answer).to.match(/^[23]/);
      });
    }

    it('goes along with an answer, and pipelined commands wait their turn', async () => {
      const scene = await faulty([`mail delay=${DELAY} reply=451 nth=1`]);
      const client = await scene.greeted(scene.onSocket());
      await client.say('EHLO c');
      const start = performance.now();
      client.send('MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nNOOP\r\n');
      expect((await client.replies(3)).map((one) => one.slice(0, 3))).to.deep.equal(['451', '503', '250']);
      expect(performance.now() - start).to.be.at.least(DELAY - 5);
    });

    it('does not hold up a server that stops', async () => {
      const scene = await faulty(['dot delay=1h']);
      const client = await scene.connected();
      client.send(`${await upTo('dot', client)}\r\n`);
      await until(4000, () => scene.rules.list()[0]!.hits === 1);
      expect(scene.store.messages).to.have.length(0);
      for (const session of scene.sessions) session.drain();
      expect((await client.rest()).map((one) => one.slice(0, 3))).to.deep.equal(['250', '421']);
      expect(scene.bodies).to.deep.equal([CONTENT]);
    });

    it('of a message ends with a connection that is cut, and nothing is stored', async () => {
      const scene = await faulty(['dot delay=1h']);
      const client = await scene.connected();
      client.send(`${await upTo('dot', client)}\r\n`);
      await until(4000, () => scene.rules.list()[0]!.hits === 1);
      for (const session of scene.sessions) session.abort();
      await until(4000, () => scene.store.open.size === 0);
      expect(scene.store.messages).to.have.length(0);
    });
  });

  describe('content', () => {
    for (const how of ['data', 'bdat']) {
      it(`is cut after so many bytes: ${how}`, async () => {
        const scene = await faulty(['content truncate=1000']);
        const client = await scene.greeted(scene.onSocket());
        await client.codes('EHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>');
        if (how === 'data') await client.say('DATA');
        const body = `${'x'.repeat(98)}\r\n`.repeat(20);
        client.send(how === 'data' ? `${body}.\r\n` : `BDAT 2000 LAST\r\n${body}`);
        expect(await client.rest()).to.deep.equal([]);
        expect(scene.store.messages).to.have.length(0);
        await until(4000, () => scene.store.open.size === 0);
      });
    }

    it('that is shorter comes through', async () => {
      const scene = await faulty(['content truncate=1000']);
      const client = await scene.connected();
      expect(await client.say(await upTo('dot', client))).to.match(/^250/);
      expect(scene.bodies).to.deep.equal([CONTENT]);
    });

    for (const [how, wire] of [
      ['in one piece', (body: string) => `DATA\r\n${body}.\r\n`],
      [
        'in chunks',
        (body: string) =>
          `BDAT ${body.length / 2}\r\n${body.slice(0, body.length / 2)}BDAT ${body.length / 2} LAST\r\n${body.slice(body.length / 2)}`,
      ],
    ] as const) {
      it(`is read slowly, and whole: ${how}`, async () => {
        const scene = await faulty(['content throttle=20k'], { policy: { minDataRate: 1 } });
        const client = await scene.greeted(scene.onSocket());
        await client.codes('EHLO c', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>');
        const body = `${'x'.repeat(98)}\r\n`.repeat(40);
        const start = performance.now();
        client.send(wire(body));
        expect((await client.replies(2)).at(-1)).to.match(/^250/);
        expect(performance.now() - start).to.be.within(180, 2000);
        expect(scene.bodies).to.deep.equal([body]);
      });
    }

    it('of another message is left alone', async () => {
      const scene = await faulty(['content truncate=5 from=bad@x.example']);
      const client = await scene.connected();
      expect(await client.say(await upTo('dot', client))).to.match(/^250/);
    });
  });

  describe('TLS', () => {
    it('fails its handshake with an alert, behind STARTTLS', async () => {
      const scene = await faulty(['tls fail nth=1'], { context: { tls: TEST_TLS } });
      for (const fails of [true, false]) {
        const socket = await scene.socket();
        const plain = await scene.greeted(socketTransport(socket));
        const done = await startTls(socket, plain).catch((error: Error & { code?: string }) => error);
        if (fails)
          expect(done)
            .to.be.instanceOf(Error)
            .with.property('message')
            .that.matches(/alert handshake failure/i);
        else expect(await (done as Client).codes('EHLO c')).to.deep.equal(['250']);
      }
    });

    it('fails from the first byte, or ends', async () => {
      for (const how of ['fail', 'drop', 'reset']) {
        const scene = await faulty([`tls ${how}`], { context: { tls: TEST_TLS }, door: { implicitTls: true } });
        const error = await scene
          .socket()
          .then((socket) => underTls(socket))
          .catch((one: Error) => one);
        expect(error, how).to.be.instanceOf(Error);
        if (how === 'fail') expect((error as Error).message).to.match(/alert handshake failure/i);
        await until(4000, () => scene.context.sessions.size === 0);
      }
    });
  });

  it('strike sessions that are open already, and stop at once', async () => {
    const scene = await faulty([]);
    expect(scene.context.faults).to.equal(null);
    const client = await scene.greeted(scene.onSocket());
    await client.say('EHLO c');
    const { id } = scene.rules.add({ phase: 'noop', reply: '451' });
    expect(await client.codes('NOOP')).to.deep.equal(['451']);
    scene.rules.remove(id);
    expect(scene.context.faults).to.equal(null);
    expect(await client.codes('NOOP')).to.deep.equal(['250']);
  });

  it('are in the log and in the transcript', async () => {
    const scene = await faulty(['mail reply="451 4.7.1 Greylisted" nth=1']);
    const client = await scene.greeted(scene.onSocket());
    await client.codes('EHLO c', 'MAIL FROM:<a@x.example>', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
    await client.say(`${CONTENT}.`);
    const lines = scene.transcripts[0]!.map(({ from, text }) => `${from} ${text}`);
    const at = lines.indexOf('client MAIL FROM:<a@x.example>');
    expect(lines.slice(at + 1, at + 3)).to.deep.equal([
      'note fault f1: answer 451 4.7.1 Greylisted',
      'server 451 4.7.1 Greylisted',
    ]);
    expect(scene.log.records.filter(({ event }) => event === 'fault.injected')).to.have.length(1);
  });
});
