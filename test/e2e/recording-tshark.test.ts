// Wireshark's tshark reads our *.pcapng: it follows each stream to the bytes that passed, and finds nothing wrong with
// what we made up around them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Rig } from '../proxy/rig.ts';
import { needs, output } from './support/servers.ts';

const TSHARK = '/usr/bin/tshark';
/** Every byte, lines, and more than a packet takes. */
const UP = Buffer.concat([Buffer.from('HELLO\r\n'), Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i))]);
const DOWN = Buffer.alloc(200_000, 'a line of some length\r\n\0\xff');

describe('recordings in Wireshark', function () {
  this.timeout(60_000);
  let rig: Rig;
  let directory: string;
  beforeEach(async function () {
    needs(this, TSHARK);
    rig = new Rig();
    directory = await mkdtemp(join(tmpdir(), 'lonedot-tshark-'));
  });
  afterEach(async () => {
    await rig?.cleanUp();
    if (directory) await rm(directory, { recursive: true, force: true });
  });

  for (const listen of ['127.0.0.1:0', '[::1]:0']) {
    it(`two connections over ${listen}`, async () => {
      const record = join(directory, 'x.pcapng');
      const upstream = await rig.upstream((end) => end.send(DOWN));
      const proxy = await rig.proxy(upstream.address, { listen, record, protocol: 'line' });
      for (const count of [1, 2]) {
        const client = rig.client(proxy.listen).send(UP);
        const server = await upstream.end(count);
        await rig.settled(() => client.received + server.received);
        client.finish();
        server.finish();
        await rig.pairEnded(count);
      }
      await proxy.stop(0);
      const [wrong, ...streams] = await followed(record, 2);
      expect(wrong).to.equal('');
      expect(streams).to.deep.equal([1, 2].map(() => ({ up: UP, down: DOWN })));
    });
  }
});

/** The packets that are wrong, and what `Follow TCP stream` shows: hexadecimal digits, the server's behind a tab. */
async function followed(file: string, streams: number): Promise<[string, ...{ up: Buffer; down: Buffer }[]]> {
  const wrong = 'tcp.analysis.flags || _ws.malformed || tcp.checksum.status == "Bad" || ip.checksum.status == "Bad"';
  const checks = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
  const follow = Array.from({ length: streams }, (_, stream) => ['-z', `follow,tcp,raw,${stream}`]).flat();
  const text = await output(TSHARK, ['-n', '-r', file, ...checks, '-Y', wrong, ...follow]);
  expect(text, text).to.match(/\(0\)$/);
  const [found = '', ...shown] = text.replace(/^Running as user "root".*\n/m, '').split(/\n*=+\nFollow: /);
  return [
    found,
    ...shown.map((lines) => {
      const hex = (pattern: RegExp): string => [...lines.matchAll(pattern)].map((each) => each[1]).join('');
      return { up: Buffer.from(hex(/^([\da-f]+)$/gm), 'hex'), down: Buffer.from(hex(/^\t([\da-f]+)$/gm), 'hex') };
    }),
  ];
}
