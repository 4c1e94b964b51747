// A recording played back: as the client it says to a server what was said before, as the server to a client.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Recording, readRecording } from '../../proxy/recording/read.ts';
import { differences } from '../../proxy/replay/differ.ts';
import type { Played } from '../../proxy/replay/player.ts';
import { type ReplayOptions, replayServe, replayTo } from '../../proxy/replay/replay.ts';
import { report } from '../../proxy/replay/report.ts';
import { parseAddress } from '../../src/address.ts';
import { silentLog } from '../../src/log.ts';
import { until } from '../support/within.ts';
import { type End, Rig } from './rig.ts';

/** What each side says when; the client's words are answered by the server's of the same place. */
type Turns = readonly (readonly [up: string, down: string])[];
const DIALOGUES: Readonly<Record<'smtp' | 'imap' | 'http' | 'resp' | 'telnet' | 'raw', Turns>> = {
  smtp: [
    ['', '220 hi\r\n'],
    ['EHLO a\r\n', '250-x\r\n250 y\r\n'],
    ['AUTH PLAIN c2VjcmV0\r\n', '235 ok\r\n'],
    ['MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n', '250 1\r\n250 2\r\n354 go\r\n'],
    ['Subject: x\r\n\r\n..dots\r\n.\r\n', '250 queued as 4ZfG1x2y3z\r\n'],
    ['QUIT\r\n', '221 bye\r\n'],
  ],
  imap: [
    ['', '* OK hi\r\n'],
    ['a LOGIN {3}\r\n', '+ go\r\n'],
    ['bob pw\r\n', 'a OK\r\n'],
    ['b FETCH 1 BODY[]\r\n', '* 1 FETCH (BODY[] {5}\r\nab\r\nc)\r\nb OK\r\n'],
    ['c LOGOUT\r\n', '* BYE\r\nc OK\r\n'],
  ],
  http: [
    ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
  ],
  resp: [['*2\r\n$3\r\nGET\r\n$1\r\nk\r\n', '$2\r\nhi\r\n']],
  telnet: [
    ['', 'login: '],
    ['bob\r\n', 'Password: '],
    ['pw\r\n', 'welcome\r\n'],
  ],
  raw: [
    ['\x00\x01', '\x02\x03'],
    ['\x04', '\x05'],
  ],
};

/** A server that says its part when the client has said its own. */
async function actServer(end: End, turns: readonly (readonly [string, string])[]): Promise<void> {
  let expected = '';
  for (const [up, down] of turns) {
    expected += up;
    await until(5000, () => end.text.length >= expected.length || end.socket.closed, 'the words of the client');
    end.send(Buffer.from(down, 'latin1'));
  }
  end.finish();
}

async function actClient(end: End, turns: readonly (readonly [string, string])[]): Promise<void> {
  let expected = '';
  for (const [up, down] of turns) {
    if (up !== '') end.send(Buffer.from(up, 'latin1'));
    expected += down;
    await until(5000, () => end.text.length >= expected.length || end.ended, 'the words of the server');
  }
  await end.getsEnd();
  end.finish();
}

describe('proxy: replay', () => {
  let rig: Rig;
  let folder: string;
  beforeEach(() => {
    rig = new Rig();
    folder = mkdtempSync(join(tmpdir(), 'replay-'));
  });
  afterEach(async () => {
    await rig.cleanUp();
    rmSync(folder, { recursive: true });
  });

  async function record(protocol: keyof typeof DIALOGUES, flags: Record<string, string> = {}): Promise<Recording> {
    const turns = DIALOGUES[protocol];
    const file = join(folder, 'a.jsonl');
    const upstream = await rig.upstream((end) => void actServer(end, turns));
    const proxy = await rig.proxy(upstream.address, { protocol, record: file, 'keep-secrets': 'true', ...flags });
    await actClient(rig.client(proxy.listen), turns);
    await rig.pairEnded(rig.ended.length + 1);
    await proxy.stop(0);
    return readRecording(file);
  }

  function options(results: Played[], timeout = 5000): ReplayOptions {
    return { timeout, timing: false, views: [], played: (_, result) => void results.push(result) };
  }

  for (const [protocol, turns] of Object.entries(DIALOGUES) as [keyof typeof DIALOGUES, Turns][]) {
    it(`${protocol}: says as the client to a server what was said, byte for byte`, async () => {
      const recording = await record(protocol);
      const server = await rig.upstream((end) => void actServer(end, turns));
      const results: Played[] = [];
      await replayTo(recording, parseAddress(server.address), options(results));
      expect(results.map(({ failure }) => failure)).to.deep.equal(['']);
      const said = (await server.end()).text;
      expect(said).to.equal(turns.map(([up]) => up).join(''));
      expect(differences(results[0]!)).to.deep.equal([]);
    });

    it(`${protocol}: says as the server to a client what was said, byte for byte`, async () => {
      const recording = await record(protocol);
      const results: Played[] = [];
      const server = await replayServe(recording, parseAddress('127.0.0.1:0'), silentLog, options(results));
      rig.onCleanUp(() => server.stop());
      // Twice: behind the last connection it begins again.
      for (let i = 0; i < 2; i++) {
        const client = rig.client(server.listen);
        await actClient(client, turns);
        expect(client.text).to.equal(turns.map(([, down]) => down).join(''));
      }
      await until(5000, () => results.length === 2, 'both');
      expect(results.flatMap((result) => [result.failure, ...differences(result)])).to.deep.equal(['', '']);
    });
  }

  it('waits for each answer, and tells what is different but for identifiers and times', async () => {
    const recording = await record('smtp');
    const other = DIALOGUES.smtp.map(([up, down]) => [
      up,
      down.replace('4ZfG1x2y3z', '9AbC8d7e6f').replace('250 2', '550 2'),
    ]);
    const server = await rig.upstream((end) => void actServer(end, other as [string, string][]));
    const results: Played[] = [];
    await replayTo(recording, parseAddress(server.address), options(results));
    const { text, differs } = report([[recording.connections[0]!, results[0]!]], true);
    expect(differs).to.equal(true);
    expect(text).to.equal('connection 1\n  - 250 2\n  + 550 2\n1 connections replayed, 1 messages differ\n');
  });

  it('gives up on a server that says too little', async () => {
    const recording = await record('smtp');
    const server = await rig.upstream((end) => end.send('220 hi\r\n'));
    const results: Played[] = [];
    await replayTo(recording, parseAddress(server.address), options(results, 50));
    expect(results[0]!.failure).to.equal('the server has said 1 of 2 messages, and 0.05 s have passed');
    const gone = await rig.upstream((end) => end.send('220 hi\r\n').finish());
    await replayTo(recording, parseAddress(gone.address), options(results, 5000));
    expect(results[1]!.failure).to.equal('the server has said 1 of 2 messages, and it ended its stream');
  });

  it('plays nothing that was not understood', async () => {
    const file = join(folder, 'b.jsonl');
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { protocol: 'smtp', record: file });
    const [client, server] = await rig.join(proxy, upstream);
    server.send('220 hi\r\n');
    await client.gets('hi\r\n');
    client.send('STARTTLS\r\n');
    await server.gets('STARTTLS\r\n');
    server.send('220 go\r\n');
    await client.gets('go\r\n');
    client.send('\x16\x03\x01').finish();
    await server.getsEnd();
    server.finish();
    await rig.pairEnded();
    await proxy.stop(0);
    const results: Played[] = [];
    const turns = [
      ['', '220 hi\r\n'],
      ['STARTTLS\r\n', '220 go\r\n'],
    ] as const;
    const other = await rig.upstream((end) => void actServer(end, turns));
    await replayTo(await readRecording(file), parseAddress(other.address), options(results));
    expect(results[0]!.failure).to.match(/^what the client said next was not understood/);
  });
});
