// What is used of nodemailer's inside. When this fails after an update of nodemailer, relay/upstream/upstream-connection.ts has to
// be read against the new version before it may be used.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { Forwarder } from '../../../relay/upstream/forward.ts';
import { parseUpstream } from '../../../relay/upstream/upstream.ts';
import { until } from '../../support/within.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { at, deliverBy, fatesOf, outgoing, piecesOf, SHORT_WAITS, WAITS, WayOut } from '../support/way-out.ts';

describe("nodemailer's inside", () => {
  it('is of the version that was read', () => {
    const file = createRequire(import.meta.url).resolve('nodemailer/package.json');
    expect(JSON.parse(readFileSync(file, 'utf8')).version).to.match(/^10\.6\./);
  });

  const METHODS = [
    ...['_sendCommand', '_onConnect', '_onError', '_setEnvelope', '_sendRcpt', '_createSendStream'],
    ...['_actionMAIL', '_actionRCPT', '_actionDATA', '_actionSMTPStream'],
  ];
  for (const method of METHODS) {
    it(`has ${method}()`, () => {
      expect((SMTPConnection.prototype as unknown as Record<string, unknown>)[method]).to.be.a('function');
    });
  }

  it('keeps what is looked at under these names', () => {
    const connection = new SMTPConnection({}) as unknown as { _responseActions: unknown; _recipientQueue: unknown };
    expect(connection).to.include({
      _socket: false,
      _destroyed: false,
      _envelope: false,
      secure: false,
      stage: 'init',
    });
    expect(connection._responseActions).to.deep.equal([]);
    expect(connection._recipientQueue).to.deep.equal([]);
  });
});

describe('a mail on the wire', () => {
  let way: WayOut;

  afterEach(() => way.stop());

  const BCD = outgoing({ recipients: ['b@x.example', 'c@x.example', 'd@x.example'], size: 12 });
  const recipients = BCD.recipients.map((one, i) =>
    i === 1 ? { ...one, parameters: [['NOTIFY', 'NEVER'] as const] } : one,
  );

  it('with PIPELINING is the envelope in one write, and the content in one write', async () => {
    way = await WayOut.open({ keywords: ['PIPELINING', 'SIZE', 'DSN'] });
    const { outcomes } = await deliverBy(way.forwarder, { ...BCD, recipients }, [Buffer.from('S: t\r\n\r\n.x\r\n')]);
    expect(outcomes.map(({ fate, dsn }) => `${fate} ${dsn ?? false}`)).to.deep.equal([
      'delivered false',
      'delivered true',
      'delivered false',
    ]);
    expect(way.upstream.reads).to.deep.equal([
      'EHLO mx.example\r\n',
      'MAIL FROM:<a@x.example> SIZE=12\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example> NOTIFY=NEVER\r\nRCPT TO:<d@x.example>\r\nDATA\r\n',
    ]);
    expect(way.upstream.mails[0]!.wire.toString()).to.equal('S: t\r\n\r\n..x\r\n');
  });

  it('without PIPELINING is one command at a time', async () => {
    way = await WayOut.open({ keywords: ['SIZE', 'DSN'] });
    await deliverBy(way.forwarder, { ...BCD, recipients });
    expect(way.upstream.reads).to.deep.equal([
      'EHLO mx.example\r\n',
      'MAIL FROM:<a@x.example> SIZE=12\r\n',
      'RCPT TO:<b@x.example>\r\n',
      'RCPT TO:<c@x.example> NOTIFY=NEVER\r\n',
      'RCPT TO:<d@x.example>\r\n',
      'DATA\r\n',
    ]);
  });

  it('goes by HELO to who knows no EHLO', async () => {
    way = await WayOut.open({
      answer: ({ line }) =>
        line.startsWith('EHLO') ? '500 5.5.1 what?' : line.startsWith('HELO') ? '250 hello' : undefined,
    });
    expect(await way.fates()).to.equal('delivered');
    expect(way.upstream.mails[0]!.from).to.equal('MAIL FROM:<a@x.example>');
  });

  it('is cleared away with RSET when it was refused', async () => {
    way = await WayOut.open({ answer: at('rcpt', '550 5.1.1 nobody') });
    await way.fates();
    expect(way.upstream.verbs()).to.deep.equal(['EHLO', 'MAIL', 'RCPT', 'DATA', 'RSET']);
  });
});

describe('the lone dot', () => {
  /** An upstream that takes the envelope and then reads nothing more; `more` says when it goes on. */
  async function deafUpstream(): Promise<{ url: string; sockets: Socket[]; stop(): void }> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      socket.write('220 deaf\r\n');
      socket.on('data', (chunk) => {
        const text = chunk.toString('latin1');
        if (text.startsWith('EHLO')) socket.write('250 deaf\r\n');
        else if (/^(MAIL|RCPT)/.test(text)) socket.write('250 ok\r\n');
        else if (text.startsWith('DATA')) socket.pause().write('354 go\r\n');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const stop = (): void => {
      for (const socket of sockets) socket.destroy();
      server.close();
    };
    return { url: `smtp://127.0.0.1:${port}?tls=none`, sockets, stop };
  }

  const LARGE = Buffer.alloc(12_000_000, 'x\r\n');

  for (const [title, content] of [
    ['in pieces', () => piecesOf(LARGE)],
    ['in one piece', () => [LARGE]],
  ] as const) {
    it(`R5 that never left, of a content ${title}, leaves nothing unknown: another host may be asked at once`, async () => {
      const { url, sockets, stop } = await deafUpstream();
      const waits = { ...WAITS, block: 300 };
      const forwarder = new Forwarder(parseUpstream(url), { hostname: 'mx.example', log: new RecordingLog(), waits });
      expect(await fatesOf(deliverBy(forwarder, outgoing(), content()))).to.equal('unreachable: host');
      const reset = deliverBy(forwarder, outgoing(), content());
      await until(4000, () => sockets.length === 2 && sockets[1]!.isPaused());
      sockets[1]!.resetAndDestroy();
      expect(await fatesOf(reset)).to.equal('unreachable: host');
      forwarder.destroy();
      stop();
    });
  }

  it('R5 that left for an upstream that never reads it is unknown', async () => {
    const { url, stop } = await deafUpstream();
    const waits = { ...WAITS, dot: SHORT_WAITS.dot };
    const forwarder = new Forwarder(parseUpstream(url), { hostname: 'mx.example', log: new RecordingLog(), waits });
    expect(await fatesOf(deliverBy(forwarder, outgoing()))).to.equal('unknown');
    forwarder.destroy();
    stop();
  });
});
