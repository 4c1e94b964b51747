// The way out against an upstream that answers anything at any step: what is sent, what each recipient's outcome is,
// which connections are used again, and that nothing ever waits for an upstream that is gone.
import { createServer } from 'node:net';
import { expect } from 'chai';
import { Unreachable } from '../../../relay/upstream/courier.ts';
import { Forwarder } from '../../../relay/upstream/forward.ts';
import { parseUpstream } from '../../../relay/upstream/upstream.ts';
import type { Waits } from '../../../relay/upstream/waits.ts';
import { turn, until, within } from '../../support/within.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { type Act, type Phase, type Step, Upstream, type UpstreamOptions } from '../support/upstream.ts';
import { at, type Changes, MESSAGE, outgoing, piecesOf, WAITS } from '../support/way-out.ts';

interface Tried {
  readonly fates: string[];
  readonly replies: string[];
}

describe('Forwarder', () => {
  let upstream: Upstream;
  let forwarder: Forwarder;
  let log: RecordingLog;

  async function start(options: UpstreamOptions = {}, waits: Partial<Waits> = {}, auth = ''): Promise<void> {
    upstream = await Upstream.start(options);
    log = new RecordingLog();
    const url = upstream.url.replace('//', `//${auth}`).concat('?tls=none');
    forwarder = forwarderTo(url, waits);
  }

  function forwarderTo(url: string, waits: Partial<Waits> = {}): Forwarder {
    return new Forwarder(parseUpstream(url), { hostname: 'mx.example', log, waits: { ...WAITS, ...waits } });
  }

  afterEach(async () => {
    forwarder.destroy();
    await upstream.stop();
  });

  async function deliver(changes: Changes = {}, content: Buffer | string = MESSAGE): Promise<Tried> {
    const open = () => Promise.resolve(piecesOf(Buffer.from(content)));
    const { outcomes } = await within(5000, forwarder.deliver(outgoing(changes), open), 'an outcome');
    return { fates: outcomes.map(({ fate }) => fate), replies: outcomes.map(({ reply }) => reply) };
  }

  async function unreachable(changes: Changes = {}, content: Buffer | string = MESSAGE): Promise<Unreachable> {
    const error = await deliver(changes, content).then(
      ({ fates }) => new Error(`not unreachable: ${fates}`),
      (reason: unknown) => reason,
    );
    if (!(error instanceof Unreachable)) throw error;
    return error;
  }

  describe('sends', () => {
    const CONTENTS: readonly [title: string, content: string, arrives?: string][] = [
      ['a plain message', 'S: t\r\n\r\nx\r\n'],
      ['dots at line starts', '.\r\n..\r\n.x\r\n\r\n.'.concat('\r\n')],
      ['8-bit bytes and a NUL', 'S: t\r\n\r\n\xff\x00\x80\r\n'],
      ['a line of 100000 bytes', `${'x'.repeat(100_000)}\r\n`],
      ['a last line without its end', 'S: t\r\n\r\nx', 'S: t\r\n\r\nx\r\n'],
      ['bare CR and LF, which are never sent on', 'a\n.\nb\r.\rc\r', 'a\r\n.\r\nb\r\n.\r\nc\r\n'],
      ['nothing at all', ''],
    ];
    for (const [title, content, arrives = content] of CONTENTS) {
      it(title, async () => {
        await start();
        expect((await deliver({}, Buffer.from(content, 'latin1'))).fates).to.deep.equal(['delivered']);
        expect(upstream.accepted.length).to.equal(1);
        expect(upstream.mails[0]!.content.toString('latin1') === arrives).to.equal(true);
        expect(upstream.mails[0]!.wire.toString('latin1')).to.not.match(/[^\r]\n|\r[^\n]|\r\n\.\r\n/);
      });
    }

    it('two megabytes that arrive whole', async () => {
      await start();
      const content = Buffer.from(Array.from({ length: 40_000 }, (_, i) => `.${i} ${'y'.repeat(40)}\r\n`).join(''));
      expect((await deliver({ size: content.length }, content)).fates).to.deep.equal(['delivered']);
      expect(upstream.mails[0]!.content.equals(content)).to.equal(true);
    });

    it('C24 addresses byte for byte, also those that nodemailer would refuse', async () => {
      await start();
      const recipients = [
        '"a b@c"@x.example',
        '"a>b"@x.example',
        '"<"@x.example',
        '"a\\"b"@x.example',
        "o'b@x.example",
      ];
      await deliver({ sender: '"s>s"@x.example', recipients });
      expect(upstream.mails[0]!.from).to.match(/^MAIL FROM:<"s>s"@x\.example>( |$)/);
      expect(upstream.mails[0]!.to).to.deep.equal(recipients.map((address) => `RCPT TO:<${address}>`));
    });

    it('the null sender, SIZE where it is offered, and BODY for a message that came with it', async () => {
      await start({ keywords: ['SIZE 1000', '8BITMIME'] });
      await deliver({ sender: '' });
      await deliver({ parameters: [['BODY', '8BITMIME']] });
      expect(upstream.mails.map(({ from }) => from)).to.deep.equal([
        `MAIL FROM:<> SIZE=${MESSAGE.length}`,
        `MAIL FROM:<a@x.example> BODY=8BITMIME SIZE=${MESSAGE.length}`,
      ]);
      expect(upstream.commands[0]).to.equal('EHLO mx.example');
    });

    it('R9 nothing that is larger than the upstream says it takes', async () => {
      await start({ keywords: ['SIZE 1000'] });
      const { fates, replies } = await deliver({ size: 1001 });
      expect(fates).to.deep.equal(['failed']);
      expect(replies[0]).to.match(/^5\.3\.4 /);
      expect(upstream.verbs()).to.not.include('MAIL');
    });
  });

  describe('knows what an answer means for each recipient', () => {
    const THREE = { recipients: ['b1@x.example', 'b2@x.example', 'b3@x.example'] };
    const toB2 = ({ phase, line }: Step): boolean => phase === 'rcpt' && line.includes('b2');
    const toB3 = ({ phase, line }: Step): boolean => phase === 'rcpt' && line.includes('b3');
    const at = (phase: Phase, act: Act) => (step: Step) => (step.phase === phase ? act : undefined);

    const ANSWERS: readonly [title: string, answer: (step: Step) => Act, fates: string][] = [
      ['all taken', () => undefined, 'delivered delivered delivered'],
      ['MAIL 451', at('mail', '451 4.3.0 later'), 'deferred deferred deferred'],
      ['MAIL 550', at('mail', '550 5.7.1 no'), 'failed failed failed'],
      ['MAIL 503', at('mail', '503 5.5.1 order'), 'deferred deferred deferred'],
      ['MAIL answered with no code', at('mail', 'Hello, I am no mail server'), 'deferred deferred deferred'],
      [
        'MAIL 450, and RCPT 550 because of it',
        (step) => at('mail', '450 4.7.1 greylisted')(step) ?? at('rcpt', '550 5.5.1 no sender')(step),
        'deferred deferred deferred',
      ],
      [
        'MAIL 550, and RCPT 450 because of it',
        (step) => at('mail', '550 5.7.1 no')(step) ?? at('rcpt', '450 4.5.1 no sender')(step),
        'failed failed failed',
      ],
      ['RCPT 450 to all', at('rcpt', '450 4.2.0 full'), 'deferred deferred deferred'],
      ['RCPT 550 to all', at('rcpt', '550 5.1.1 nobody'), 'failed failed failed'],
      ['RCPT 503 to all', at('rcpt', '503 5.5.1 order'), 'deferred deferred deferred'],
      [
        'R4 one 250, one 550, one 450',
        (step) => (toB2(step) ? '550 5.1.1 nobody' : toB3(step) ? '450 4.2.0 full' : undefined),
        'delivered failed deferred',
      ],
      [
        'two refused, one for good and one for now',
        (step) => (toB2(step) ? '550 5.1.1 nobody' : step.phase === 'rcpt' ? '450 4.2.0 full' : undefined),
        'deferred failed deferred',
      ],
      ['DATA 451', at('data', '451 4.3.0 later'), 'deferred deferred deferred'],
      ['DATA 554', at('data', '554 5.6.0 no'), 'failed failed failed'],
      ['dot 451', at('dot', '451 4.3.0 later'), 'deferred deferred deferred'],
      ['dot 554', at('dot', '554 5.6.0 spam'), 'failed failed failed'],
      ['dot 503', at('dot', '503 5.5.1 order'), 'deferred deferred deferred'],
      [
        'one 450, then dot 554: only who was taken is refused for good',
        (step) => (toB2(step) ? '450 4.2.0 full' : at('dot', '554 5.6.0 spam')(step)),
        'failed deferred failed',
      ],
      [
        'one 550, then dot 451: who was refused for good is not asked again',
        (step) => (toB2(step) ? '550 5.1.1 nobody' : at('dot', '451 4.3.0 later')(step)),
        'deferred failed deferred',
      ],
      [
        'one 550, then DATA 451',
        (step) => (toB2(step) ? '550 5.1.1 nobody' : at('data', '451 4.3.0 later')(step)),
        'deferred failed deferred',
      ],
      [
        'one 550, then gone behind the dot',
        (step) => (toB2(step) ? '550 5.1.1 nobody' : at('dot', 'drop')(step)),
        'unknown failed unknown',
      ],
      ['R5 gone behind the dot', at('dot', 'drop'), 'unknown unknown unknown'],
      ['R5 reset behind the dot', at('dot', 'reset'), 'unknown unknown unknown'],
      ['half a refusal behind the dot', at('dot', 'half'), 'unknown unknown unknown'],
      [
        'DATA taken with all recipients refused',
        (step) => at('rcpt', '550 5.1.1 nobody')(step) ?? at('data', '354 Go on')(step),
        'failed failed failed',
      ],
    ];
    for (const pipelining of [true, false]) {
      for (const [title, answer, fates] of ANSWERS) {
        it(`${title}${pipelining ? '' : ' (without PIPELINING)'}`, async () => {
          await start({ keywords: pipelining ? ['PIPELINING'] : ['HELP'], answer });
          if (title.startsWith('half')) {
            upstream.answer = ({ phase }) => {
              if (phase !== 'dot') return undefined;
              for (const socket of upstream.sockets) socket.end('554 5.6.0 sp');
              return 'silence';
            };
          }
          expect((await deliver(THREE)).fates.join(' ')).to.equal(fates);
        });
      }
    }

    it('a recipient that stands there twice is asked for once', async () => {
      await start();
      const { fates } = await deliver({ recipients: ['b@x.example', 'b@x.example'] });
      expect(fates).to.deep.equal(['delivered', 'delivered']);
      expect(upstream.mails[0]!.to).to.deep.equal(['RCPT TO:<b@x.example>']);
    });

    it('what it said, on one clean line', async () => {
      await start({ answer: at('dot', '550-5.7.1 \x1b[31mno\n550 5.7.1 \x07way') });
      expect((await deliver()).replies).to.deep.equal(['550-5.7.1  [31mno 550 5.7.1  way']);
    });
  });

  describe('calls it unreachable when the message did not leave, and not for the message', () => {
    const PHASES: readonly [title: string, answer: (step: Step) => Act][] = [
      ['hangs up at once', ({ phase }) => (phase === 'connect' ? 'drop' : undefined)],
      ['greets with 554', ({ phase }) => (phase === 'connect' ? { last: '554 5.7.1 go away' } : undefined)],
      ['greets with 421', ({ phase }) => (phase === 'connect' ? { last: '421 4.3.2 busy' } : undefined)],
      ['refuses EHLO and HELO', ({ phase }) => (phase === 'ehlo' ? '550 5.7.1 no' : undefined)],
      ['says 421 to EHLO', ({ phase }) => (phase === 'ehlo' ? { last: '421 4.3.2 busy' } : undefined)],
      ['says 421 to MAIL', ({ phase }) => (phase === 'mail' ? { last: '421 4.3.2 busy' } : undefined)],
      ['says 421 to RCPT', ({ phase }) => (phase === 'rcpt' ? { last: '421 4.3.2 busy' } : undefined)],
      ['says 421 to DATA', ({ phase }) => (phase === 'data' ? { last: '421 4.3.2 busy' } : undefined)],
      ['says 421 to the dot', ({ phase }) => (phase === 'dot' ? { last: '421 4.3.2 busy' } : undefined)],
      ['hangs up at MAIL', ({ phase }) => (phase === 'mail' ? 'drop' : undefined)],
      ['hangs up at RCPT', ({ phase }) => (phase === 'rcpt' ? 'reset' : undefined)],
      ['hangs up at DATA', ({ phase }) => (phase === 'data' ? 'drop' : undefined)],
    ];
    for (const [title, answer] of PHASES) {
      it(`it ${title}`, async () => {
        await start({ answer });
        await unreachable();
        expect(upstream.accepted).to.deep.equal([]);
      });
    }

    it('it hangs up in the middle of the content', async () => {
      await start({ answer: ({ phase, bytes }) => (phase === 'content' && bytes > 100_000 ? 'reset' : undefined) });
      await unreachable({}, Buffer.alloc(8_000_000, 'x\r\n'));
      expect(upstream.mails).to.deep.equal([]);
    });

    for (const phase of ['connect', 'ehlo', 'mail'] as const) {
      it(`it never answers at ${phase}`, async () => {
        await start(
          { answer: (step) => (step.phase === phase ? 'silence' : undefined) },
          { connect: 150, greeting: 150, command: 150, data: 150 },
        );
        await unreachable();
      });
    }

    it('nobody listens there', async () => {
      await start();
      await upstream.stop();
      expect((await unreachable()).code).to.equal('ESOCKET');
    });

    it('a peer that speaks no SMTP and never ends its line', async () => {
      await start();
      const babbler = createServer((socket) => {
        socket.on('error', () => {});
        const more = () => void (socket.destroyed || socket.write('x'.repeat(10_000), () => setImmediate(more)));
        more();
      });
      await new Promise<void>((resolve) => babbler.listen(0, '127.0.0.1', resolve));
      const { port } = babbler.address() as { port: number };
      forwarder = forwarderTo(`smtp://127.0.0.1:${port}`);
      expect((await unreachable()).message).to.match(/maximum allowed size/);
      babbler.close();
    });

    for (const [title, answer] of [
      ['535', '535 5.7.8 wrong password'],
      ['454', '454 4.7.0 come back later'],
    ] as const) {
      it(`R10 the password is answered with ${title}`, async () => {
        const options = { keywords: ['AUTH PLAIN'], answer: at('auth', answer) };
        await start(options, {}, 'me:secret@');
        expect((await unreachable()).code).to.equal('EAUTH');
        expect(JSON.stringify(log.records)).to.not.include('secret');
      });
    }

    it('it hangs up at the password', async () => {
      await start({ keywords: ['AUTH PLAIN'], answer: at('auth', 'drop') }, {}, 'me:secret@');
      await unreachable();
    });

    it('TLS is demanded and not offered', async () => {
      await start();
      forwarder = forwarderTo(`${upstream.url}?tls=require`);
      expect((await unreachable()).code).to.equal('ETLS');
      expect(upstream.verbs()).to.not.include('MAIL');
    });
  });

  it('never answers the dot: unknown when the wait is over', async () => {
    await start({ answer: ({ phase }) => (phase === 'dot' ? 'silence' : undefined) }, { dot: 150 });
    expect((await deliver()).fates).to.deep.equal(['unknown']);
    expect(upstream.mails.length).to.equal(1);
  });

  describe('connections', () => {
    it('are used again for the next mail, with RSET behind a refusal', async () => {
      await start({ answer: ({ phase, mails }) => (phase === 'dot' && mails === 2 ? '554 5.6.0 spam' : undefined) });
      const fates: string[] = [];
      for (let i = 0; i < 3; i++) fates.push(...(await deliver()).fates);
      expect(fates).to.deep.equal(['delivered', 'failed', 'delivered']);
      expect(upstream.connections).to.equal(1);
      expect(upstream.verbs().filter((verb) => verb === 'RSET').length).to.equal(1);
    });

    it('are not used again when RSET is refused or not answered', async () => {
      const answers: Act[] = ['554 5.6.0 no', 'silence'];
      await start(
        {
          answer: ({ phase, mails }) =>
            phase === 'rset' ? answers.shift() : phase === 'dot' && mails < 3 ? '554 5.6.0 spam' : undefined,
        },
        { reset: 150 },
      );
      expect((await deliver()).fates).to.deep.equal(['failed']);
      expect((await deliver()).fates).to.deep.equal(['failed']);
      expect((await deliver()).fates).to.deep.equal(['delivered']);
      expect(upstream.connections).to.equal(3);
    });

    for (const [title, pieces] of [
      ['in pieces', 140],
      ['as a whole', 1],
    ] as const) {
      it(`are given up when content that came ${title} is refused before its end`, async () => {
        // A RSET would be more of it, and then the reply to the dot would be taken for that to RSET.
        let times = 0;
        await start({
          answer: ({ phase, bytes }) =>
            phase === 'content' && bytes > 100_000 && ++times === 1 ? '552 5.3.4 too big' : undefined,
        });
        const piece = Buffer.from('x\r\n'.repeat(Math.ceil(3_000_000 / pieces)));
        const content = Array(pieces).fill(piece) as Buffer[];
        const { outcomes } = await forwarder.deliver(outgoing(), () => Promise.resolve(content));
        expect(outcomes.map(({ fate }) => fate)).to.deep.equal(['failed']);
        expect(upstream.verbs()).to.not.include('RSET');
        expect((await deliver()).fates).to.deep.equal(['delivered']);
        expect(upstream.connections).to.equal(2);
      });
    }

    it('that were idle too long for the upstream cost the next mail nothing', async () => {
      await start();
      await deliver();
      // Gone for good, and this side has not looked yet.
      for (const socket of upstream.sockets) socket.resetAndDestroy();
      expect((await deliver()).fates).to.deep.equal(['delivered']);
      upstream.answer = ({ phase, connection }) =>
        phase === 'mail' && connection === 2 ? { last: '421 4.4.2 idle too long' } : undefined;
      expect((await deliver()).fates).to.deep.equal(['delivered']);
      expect(upstream.accepted.length).to.equal(3);
      expect(upstream.connections).to.equal(3);
    });

    it('say QUIT after the idle time', async () => {
      await start({}, { idle: 50 });
      await deliver();
      await until(2000, () => upstream.verbs().includes('QUIT'));
      await until(2000, () => upstream.sockets.size === 0);
      expect((await deliver()).fates).to.deep.equal(['delivered']);
    });

    it('end with close(): idle ones at once, those at work behind their mail', async () => {
      let answerDot: () => void = () => {};
      await start({
        answer: ({ phase, mails }) => {
          if (phase !== 'dot' || mails !== 3) return undefined;
          answerDot = () => void [...upstream.sockets].at(-1)!.write('250 2.0.0 Ok\r\n');
          return 'silence';
        },
      });
      await Promise.all([deliver(), deliver()]);
      const last = deliver();
      await until(2000, () => upstream.mails.length === 3);
      forwarder.close();
      await until(2000, () => upstream.sockets.size === 1);
      answerDot();
      expect((await last).fates).to.deep.equal(['delivered']);
      await until(2000, () => upstream.sockets.size === 0);
      expect(upstream.verbs().filter((verb) => verb === 'QUIT').length).to.equal(2);
    });

    it('are still made behind close() for a mail that is under way, and not behind destroy()', async () => {
      await start();
      forwarder.close();
      expect((await deliver()).fates).to.deep.equal(['delivered']);
      await until(2000, () => upstream.sockets.size === 0);
      forwarder.destroy();
      await unreachable();
      expect(upstream.mails.length).to.equal(1);
    });

    it('end with destroy() wherever they are, and every mail gets its outcome', async () => {
      await start({ answer: ({ phase }) => (phase === 'dot' ? 'silence' : undefined) });
      const behindTheDot = deliver();
      await until(2000, () => upstream.mails.length === 1);
      upstream.answer = ({ phase }) => (phase === 'ehlo' ? 'silence' : undefined);
      const connecting = deliver().then(
        () => 'delivered',
        (error: Error) => error.name,
      );
      await until(2000, () => upstream.verbs().filter((verb) => verb === 'EHLO').length === 2);
      forwarder.destroy();
      expect((await behindTheDot).fates).to.deep.equal(['unknown']);
      expect(await within(2000, connecting)).to.equal('Unreachable');
      await until(2000, () => upstream.sockets.size === 0);
    });
  });

  it('a store that fails in the middle of the content: no half mail, deferred, and the operator hears of it', async () => {
    await start();
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.alloc(200_000, 'x\r\n');
      await turn();
      throw new Error('the content of message is damaged');
    }
    const { outcomes } = await forwarder.deliver(outgoing(), () => Promise.resolve(broken()));
    expect(outcomes.map(({ fate }) => fate)).to.deep.equal(['deferred']);
    await until(2000, () => upstream.sockets.size === 0);
    expect(upstream.mails).to.deep.equal([]);
    expect(log.levels('upstream.content_failed')).to.deep.equal(['error']);
  });

  it("a message that is gone is the caller's to explain, and costs no connection", async () => {
    await start();
    const error = await forwarder
      .deliver(outgoing(), () => Promise.reject(new Error('gone')))
      .then(
        () => null,
        (reason: Error) => reason,
      );
    expect(error?.message).to.equal('gone');
    expect((await deliver()).fates).to.deep.equal(['delivered']);
  });
});
