// The commands as people use them: `lonedot proxy` shows and records a dialogue, `lonedot replay` plays it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LONEDOT, Program } from '../cli/run.ts';
import { type End, Rig } from './rig.ts';

describe('lonedot proxy and lonedot replay', () => {
  let rig: Rig;
  let folder: string;
  beforeEach(() => {
    rig = new Rig();
    folder = mkdtempSync(join(tmpdir(), 'program-'));
  });
  afterEach(async () => {
    await rig.cleanUp();
    rmSync(folder, { recursive: true });
  });

  /** A server of SMTP that knows two commands. */
  function serve(answer: string): (end: End) => void {
    return (end) => {
      end.send('220 hi\r\n');
      end.socket.on('data', (chunk: Buffer) => {
        if (chunk.includes('QUIT')) end.send('221 bye\r\n').finish();
        else end.send(`${answer}\r\n`);
      });
    };
  }

  async function say(address: string): Promise<void> {
    const client = rig.client(address);
    await client.gets('220 hi\r\n');
    client.send('AUTH PLAIN c2VjcmV0\r\n');
    await client.gets('235 ok\r\n');
    client.send('QUIT\r\n');
    await client.getsEnd();
    client.finish();
    await client.closes();
  }

  /** Runs the proxy for one dialogue. */
  async function proxied(...args: readonly string[]): Promise<string> {
    const upstream = await rig.upstream(serve('235 ok'));
    const program = new Program(LONEDOT, ['proxy', '127.0.0.1:0', upstream.address, ...args]);
    rig.onCleanUp(() => program.child.kill('SIGKILL'));
    await program.printed(/127\.0\.0\.1:\d+/);
    await say(/127\.0\.0\.1:\d+/.exec(program.stdout)![0]);
    program.child.kill('SIGTERM');
    const { code, stdout, stderr } = await program.result();
    expect([code, stderr]).to.deep.equal([0, '']);
    return stdout;
  }

  it('shows the dialogue, without secrets', async () => {
    const lines = (await proxied()).split('\n').map((line) => line.slice(26));
    expect(lines).to.include.members(['S< 220 hi', 'C> AUTH PLAIN ***', 'S< 235 ok', 'C> QUIT', 'S< 221 bye']);
  });

  it('prints nothing but JSON with --json', async () => {
    const lines = (await proxied('--json')).trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { event?: string; type?: string; bytes?: string });
    expect(events[0]!.event).to.equal('listening');
    expect(events.map(({ bytes }) => bytes)).to.include('AUTH PLAIN ********\r\n');
    expect(events.at(-1)!.type).to.equal('close');
  });

  it('records what a replay says again, and tells what is answered differently', async () => {
    const file = join(folder, 'a.jsonl');
    const stdout = await proxied('--only', 'QUIT', '--record', file, '--record', join(folder, 'a.pcapng'));
    expect(stdout.match(/C>|S</g)).to.deep.equal(['C>', 'S<']);
    expect(readFileSync(join(folder, 'a.pcapng')).readUInt32LE(0)).to.equal(0x0a0d0d0a);
    for (const [answer, code, text] of [
      ['235 ok', 0, '1 connections replayed, 0 messages differ\n'],
      ['535 no', 1, 'connection 1\n  - 235 ok\n  + 535 no\n1 connections replayed, 1 messages differ\n'],
    ] as const) {
      const upstream = await rig.upstream(serve(answer));
      const program = new Program(LONEDOT, ['replay', file, '--to', upstream.address, '--diff']);
      const result = await program.result();
      expect([result.code, result.stdout]).to.deep.equal([code, text]);
      expect(result.stderr).to.contain('replay.masked');
    }
  });

  for (const [args, says] of [
    [['proxy', '0', 'h:1', '--only', '('], '--only: Invalid regular expression'],
    [['proxy', '0', 'h:1', '--record', 'a.txt'], '--record: a.txt is neither *.jsonl nor *.pcapng'],
    [['replay', 'nowhere.jsonl', '--to', '1'], 'nowhere.jsonl: ENOENT'],
    [['replay', 'a.jsonl'], 'one of --to, --serve and --export is needed'],
  ] as const) {
    it(`says what is wrong: ${says}`, async () => {
      const { code, stderr } = await new Program(LONEDOT, args).result();
      expect(code).to.equal(2);
      expect(stderr).to.contain(says);
    });
  }
});
