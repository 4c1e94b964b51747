// The examples: their handlers over the pair in memory, and each of them as the program that its header describes.
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { AsyncFixedLengthHandler, AsyncLineHandler } from '../examples/async-handlers.ts';
import { Member, Room } from '../examples/chat-room.ts';
import { DotClient } from '../examples/dot-client.ts';
import { FixedLengthHandler } from '../examples/fixed-length.ts';
import { HttpLikeHandler, type Request } from '../examples/http-like.ts';
import { LineHandler } from '../examples/line-echo.ts';
import { StatsServer } from '../examples/stats-server.ts';
import { everySplit, memoryTransportPair, runTranscript } from '../src/testing.ts';
import { socketTransport, type Transport } from '../src/transport.ts';
import { bytes } from './support/recording.ts';
import { deferred, turn, until, within } from './support/within.ts';

const FOLDER = new URL('../examples/', import.meta.url);
/** The coverage run tests the compiled files. */
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

function program(name: string, ...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  const loader = EXTENSION === '.ts' ? ['--import', 'tsx'] : [];
  const file = fileURLToPath(new URL(name + EXTENSION, FOLDER));
  return spawn(process.execPath, [...loader, file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The far end of a pair, and what it hears until the end of the stream. */
function talkTo(serve: (transport: Transport) => unknown): { peer: Transport; heard: Promise<string> } {
  const [peer, far] = memoryTransportPair();
  serve(far);
  const all = deferred<string>();
  let text = '';
  peer.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  peer.on('end', () => all.resolve(text));
  return { peer, heard: within(2000, all.promise, 'the end of the stream') };
}

async function answerTo(serve: (transport: Transport) => unknown, chunks: readonly Buffer[]): Promise<string> {
  const { peer, heard } = talkTo(serve);
  for (const chunk of chunks) peer.write(chunk);
  peer.end();
  return heard;
}

describe('examples', () => {
  describe('line-echo', () => {
    it('echoes each line with its mark, whatever the chunks and the line ends', async () => {
      const lines: string[] = [];
      const answer = await everySplit('hello\r\n\r\nworld\n', (chunks) => {
        lines.length = 0;
        return answerTo((t) => new LineHandler(t, (line) => lines.push(line)), chunks);
      });
      expect(answer).to.equal('ECHO: hello\r\nECHO: \r\nECHO: world\r\n');
      expect(lines).to.deep.equal(['hello', '', 'world']);
    });

    it('refuses a line that is too long, and takes the next', async () => {
      const text = `${'x'.repeat(5000)}\nnext\n`;
      expect(await answerTo((t) => new LineHandler(t), [bytes(text)])).to.equal(
        'ERROR: that line was too long\r\nECHO: next\r\n',
      );
    });
  });

  describe('fixed-length', () => {
    for (const [name, Handler] of [
      ['with plain handlers', FixedLengthHandler],
      ['with async handlers', AsyncFixedLengthHandler],
    ] as const) {
      it(`${name}: doubles the number and closes, however its bytes come and whatever follows`, async () => {
        const answer = await everySplit('\x00\x01\x00\x15and more', (chunks) =>
          answerTo((t) => new Handler(t), chunks),
        );
        expect(bytes(answer).readUInt32BE()).to.equal(0x0002002a);
        expect(answer).to.have.length(4);
      });

      it(`${name}: says nothing to half a message`, async () => {
        expect(await answerTo((t) => new Handler(t), [bytes('\0\0\0')])).to.equal('');
      });
    }
  });

  describe('async-handlers', () => {
    it('answers in order, though one look-up takes longer than the next', async () => {
      const running: string[] = [];
      const lookUp = async (line: string) => {
        running.push(line);
        expect(running).to.have.length(1);
        for (let i = 0; i < Number(line); i++) await turn();
        running.pop();
        return line;
      };
      const answer = await everySplit('3\n1\r\n2\n', (chunks) =>
        answerTo((t) => new AsyncLineHandler(t, lookUp), chunks),
      );
      expect(answer).to.equal('ECHO: 3\r\nECHO: 1\r\nECHO: 2\r\n');
    });
  });

  describe('stats-server', () => {
    it('acknowledges, counts, and refuses what is over its limit', async () => {
      const server = new StatsServer(0, 2);
      const port = Number((await server.listen()).split(':').at(-1));
      try {
        const dial = () => socketTransport(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
        const open = (n: number) => until(2000, () => server.stats.openConnections === n, `${n} connections`);
        connect({ port, host: '127.0.0.1' }).resume();
        await open(1);
        await runTranscript('C: one\nC: two\nS: ACK: one\nS: ACK: two', dial);
        await open(1);
        connect({ port, host: '127.0.0.1' }).resume();
        await open(2);
        await runTranscript('S: BUSY: *\nS:close', dial);
        expect(server.stats).to.deep.include({ connections: 3, messages: 2, bytesReceived: 10, bytesSent: 20 });
      } finally {
        await within(3000, server.stop());
      }
      expect(server.stats.openConnections).to.equal(0);
    });
  });

  describe('chat-room', () => {
    async function enter(room: Room, name: string) {
      const heard: string[] = [];
      const { peer } = talkTo((t) => new Member(t, room));
      peer.on('data', (chunk: Buffer) => heard.push(chunk.toString('utf8')));
      peer.write(bytes(`${name}\r\n`));
      await turn();
      return { peer, heard, said: () => heard.splice(0).join('') };
    }

    it('tells everybody else what one says, who comes and who goes', async () => {
      const room = new Room();
      const ann = await enter(room, 'ann');
      expect(ann.said()).to.equal('your name?\r\n* here: ann\r\n');
      const bob = await enter(room, 'bob');
      expect([ann.said(), bob.said()]).to.deep.equal(['* bob has entered\r\n', 'your name?\r\n* here: ann, bob\r\n']);
      ann.peer.write(bytes('hello\n'));
      await turn();
      expect([ann.said(), bob.said()]).to.deep.equal(['', 'ann: hello\r\n']);
      bob.peer.end();
      await turn();
      expect(ann.said()).to.equal('* bob has left\r\n');
      expect(room.names).to.deep.equal(['ann']);
    });

    it('wants a name that is free and readable', async () => {
      const room = new Room();
      await enter(room, 'ann');
      const other = await enter(room, 'ann');
      expect(other.said()).to.equal('your name?\r\nsomebody has that name\r\n');
      other.peer.write(bytes('a b\nzoe\n'));
      await turn();
      expect(other.said()).to.equal('letters and digits, please\r\n* here: ann, zoe\r\n');
    });

    it('shows the door to one who does not read', async () => {
      const room = new Room();
      const ann = await enter(room, 'ann');
      const bob = await enter(room, 'bob');
      bob.peer.pause();
      for (let i = 0; i < 400; i++) {
        ann.peer.write(bytes(`${'x'.repeat(900)}\n`));
        await turn();
      }
      expect(room.names).to.deep.equal(['ann']);
      expect(ann.said()).to.contain('* bob has left');
    });
  });

  describe('http-like', () => {
    const respond = ({ method, target, body }: Request) => `${method} ${target} ${body.toString('latin1')}`;
    const serve = (t: Transport) => new HttpLikeHandler(t, respond);

    it('reads headers, then a body of their length, then headers, in every chunking', async () => {
      const requests =
        'POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\n\r\n\r\nxGET /b HTTP/1.1\r\nHost: h\r\n\r\n' +
        'POST /c HTTP/1.1\r\ncontent-length: 0\r\n\r\n' +
        'POST /d HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nokGET /e';
      const answers = await everySplit(requests, (chunks) => answerTo(serve, chunks));
      const bodies = answers.split(/HTTP\/1\.1 200 OK\r\nContent-Length: \d+\r\n\r\n/).slice(1);
      expect(bodies).to.deep.equal(['POST /a \r\n\r\nx', 'GET /b ', 'POST /c ', 'POST /d ok']);
    });

    for (const bad of [
      'GET\r\n\r\n',
      'GET / HTTP/1.1\r\nno colon\r\n\r\n',
      'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
      'POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\nx',
      'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
      'POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n',
    ]) {
      it(`refuses ${JSON.stringify(bad.slice(0, 60))}, and ends`, async () => {
        const answer = await answerTo(serve, [bytes(`${bad}GET /smuggled HTTP/1.1\r\n\r\n`)]);
        expect(answer).to.match(/^HTTP\/1\.1 400 [\s\S]*\r\n\r\n$/);
      });
    }

    it('takes no head without end', async () => {
      const { peer, heard } = talkTo(serve);
      peer.write(bytes(`GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(5000)}`));
      expect(await heard).to.equal('');
    });
  });

  describe('dot-client', () => {
    function server(answers: Record<string, string>, cut: (text: string) => Buffer[] = (text) => [bytes(text)]) {
      const [near, far] = memoryTransportPair();
      far.write(bytes('200 ready\r\n'));
      far.on('data', (chunk: Buffer) => {
        for (const command of chunk.toString('latin1').split('\r\n').slice(0, -1)) {
          for (const piece of cut(answers[command] ?? '500 what?\r\n')) far.write(piece);
        }
      });
      return { client: new DotClient(near), far };
    }
    const hasText = (status: string) => status.startsWith('215');

    for (const [name, wire, text] of [
      ['a text', '215 list\r\none\r\n..two\r\n...\r\n.\r\n', 'one\r\n.two\r\n..\r\n'],
      ['an empty text', '215 list\r\n.\r\n', ''],
      ['a text of one empty line', '215 list\r\n\r\n.\r\n', '\r\n'],
      ['no text', '503 not now\r\n', undefined],
    ] as const) {
      it(`reads ${name}, and the reply behind it, in every chunking`, async () => {
        const seen = await everySplit(`${wire}205 bye\r\n`, async (chunks) => {
          const { client } = server({ LIST: '' }, () => chunks);
          const replies = [client.greeting(), client.command('LIST', hasText), client.command('QUIT')];
          return within(1000, Promise.all(replies.slice(0, 3)));
        });
        const expected = { status: wire.slice(0, wire.indexOf('\r\n')), ...(text !== undefined && { text }) };
        expect(seen).to.deep.equal([{ status: '200 ready' }, expected, { status: '205 bye' }]);
      });
    }

    it('rejects what waits when the server goes away', async () => {
      const { client, far } = server({});
      await client.greeting();
      const reply = client.command('LIST').then(
        () => 'an answer',
        (error: Error) => error.message,
      );
      far.destroy();
      expect(await within(1000, reply)).to.equal('the server closed the connection');
    });
  });

  describe('as programs', () => {
    const children: ChildProcess[] = [];
    after(() => {
      for (const child of children) child.kill();
    });

    /** Resolves with the ports that the program prints. */
    function start(name: string, ports = 1): Promise<number[]> {
      const child = program(name, '0');
      children.push(child);
      const output = deferred<number[]>();
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const found = [...text.matchAll(/listening on 127\.0\.0\.1:(\d+)\n/g)].map((match) => Number(match[1]));
        if (found.length === ports) output.resolve(found);
      });
      child.stderr.on('data', (chunk: Buffer) => output.reject(new Error(`${name}: ${chunk}`)));
      return within(15_000, output.promise, `${name} listening`);
    }

    const dial = (port: number) => () => socketTransport(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));

    const DIALOGUES: Record<string, string[]> = {
      'line-echo': ['C: hello\nS: ECHO: hello\nC:close\nS:close'],
      'fixed-length': ['C: \\x00\\x00\nS:close'],
      'async-handlers': ['C: hello\nS: ECHO: HELLO', 'C: \\x00\\x00\nS:close'],
      'stats-server': ['C: hello\nS: ACK: hello'],
      'chat-room': ['S: your name?\nC: ann\nS: * here: ann'],
      'http-like': ['C: GET / HTTP/1.1\nC: \nS: HTTP/1.1 200 OK\nS: Content-Length: 15'],
    };

    it('every example is here', () => {
      const files = readdirSync(FOLDER).filter((file) => file.endsWith(EXTENSION));
      expect(files.sort()).to.deep.equal(
        [...Object.keys(DIALOGUES), 'broken-server', 'dot-client'].map((name) => name + EXTENSION).sort(),
      );
    });

    it('each listens on the port it prints, and answers', async () => {
      const running = Object.entries(DIALOGUES).map(async ([name, dialogues]) => {
        const ports = await start(name, dialogues.length);
        for (const [i, dialogue] of dialogues.entries()) {
          // What a fixed-length server sends is no line; that it ends is all a transcript can see of it.
          if (dialogue.endsWith('\nS:close') && dialogue.startsWith('C: \\x00')) await double(ports[i]!);
          else await runTranscript(dialogue, dial(ports[i]!), { deadlineMs: 5000 });
        }
      });
      await Promise.all(running);
    });

    async function double(port: number): Promise<void> {
      const socket = connect({ port, host: '127.0.0.1' });
      const answer = new Promise<Buffer>((resolve) => socket.once('data', resolve));
      socket.write(Buffer.from([0, 0, 0, 21]));
      expect((await within(5000, answer)).readUInt32BE()).to.equal(42);
    }

    it('broken-server shows a client that does not give up', async () => {
      const child = program('broken-server');
      children.push(child);
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      const code = await within(15_000, new Promise((resolve) => child.once('close', resolve)), 'its end');
      const rule = 'client MAIL #1: answer 451 4.3.0 come later';
      const lines = [
        'accepted at attempt 3, 1 time late: 250 fine',
        'S: 220 at your service',
        `C: MAIL FROM:<me@example.com>   # ${rule}`,
        `S: 451 4.3.0 come later   # ${rule}`,
      ];
      expect([code, text.split('\n').slice(0, lines.length)]).to.deep.equal([0, lines]);
    });

    it('dot-client asks a server and prints its answer', async () => {
      const server = createServer((socket) => {
        socket.write('200 ready\r\n');
        socket.on('data', (chunk) => {
          if (chunk.toString() === 'HELP\r\n') socket.write('100 help\r\n..no help\r\n.\r\n');
          else socket.end('205 bye\r\n');
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const child = program('dot-client', '127.0.0.1', String(port), 'HELP');
      children.push(child);
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      const code = await within(15_000, new Promise((resolve) => child.once('exit', resolve)), 'its end');
      server.close();
      expect([code, text]).to.deep.equal([0, '200 ready\n100 help\n.no help\r\n']);
    });
  });
});
