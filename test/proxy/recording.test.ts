// Recordings: what is read back is what was said, and what Wireshark would see is the same.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readRecording } from '../../proxy/recording/read.ts';
import { within } from '../support/within.ts';
import { Rig } from './rig.ts';

interface Packet {
  readonly from: string;
  readonly to: string;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly bytes: Buffer;
}

/** Decodes what the draft and the RFCs say, apart from the code that writes it. */
function packets(file: Buffer): Packet[] {
  const found: Packet[] = [];
  for (let at = 0; at < file.length; ) {
    const type = file.readUInt32LE(at);
    const length = file.readUInt32LE(at + 4);
    expect(file.readUInt32LE(at + length - 4)).to.equal(length);
    expect(length % 4).to.equal(0);
    if (at === 0) expect([type, file.readUInt32LE(8)]).to.deep.equal([0x0a0d0d0a, 0x1a2b3c4d]);
    if (type === 1) expect(file.readUInt16LE(at + 8)).to.equal(101);
    if (type === 6) {
      const size = file.readUInt32LE(at + 20);
      expect(file.readUInt32LE(at + 24)).to.equal(size);
      found.push(packet(file.subarray(at + 28, at + 28 + size)));
    }
    at += length;
  }
  return found;
}

function packet(ip: Buffer): Packet {
  const isSix = ip[0]! >> 4 === 6;
  const header = isSix ? 40 : (ip[0]! & 15) * 4;
  expect(isSix ? ip.readUInt16BE(4) + 40 : ip.readUInt16BE(2)).to.equal(ip.length);
  if (!isSix) expect(onesComplement(ip.subarray(0, header))).to.equal(0xffff);
  const tcp = ip.subarray(header);
  const pseudo = Buffer.alloc(4);
  pseudo.writeUInt16BE(6, 0);
  pseudo.writeUInt16BE(tcp.length, 2);
  const addresses = isSix ? ip.subarray(8, 40) : ip.subarray(12, 20);
  expect(onesComplement(Buffer.concat([addresses, pseudo, tcp, Buffer.alloc(tcp.length % 2)]))).to.equal(0xffff);
  const half = addresses.length / 2;
  const names = ['FIN', 'SYN', 'RST', 'PSH', 'ACK'];
  return {
    from: `${addresses.toString('hex', 0, half)}:${tcp.readUInt16BE(0)}`,
    to: `${addresses.toString('hex', half)}:${tcp.readUInt16BE(2)}`,
    flags: names.filter((_, bit) => (tcp[13]! >> bit) & 1).join(' '),
    seq: tcp.readUInt32BE(4),
    ack: tcp.readUInt32BE(8),
    bytes: tcp.subarray((tcp[12]! >> 4) * 4),
  };
}

function onesComplement(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

describe('proxy: recordings', () => {
  let rig: Rig;
  let folder: string;
  beforeEach(() => {
    rig = new Rig();
    folder = mkdtempSync(join(tmpdir(), 'recording-'));
  });
  afterEach(async () => {
    await rig.cleanUp();
    rmSync(folder, { recursive: true });
  });

  /** A dialogue with a body of every byte, a half-close, and a reset. */
  async function record(file: string, flags: Record<string, string> = {}): Promise<{ up: Buffer; down: Buffer }> {
    const upstream = await rig.upstream();
    const proxy = await rig.proxy(upstream.address, { protocol: 'smtp', record: join(folder, file), ...flags });
    const [client, server] = await rig.join(proxy, upstream);
    const body = Buffer.concat([
      Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256)),
      Buffer.from('\r\n.\r\n'),
    ]);
    const up = [Buffer.from('AUTH PLAIN c2VjcmV0\r\n'), Buffer.from('DATA\r\n'), body];
    const down = ['220 hi\r\n', '235 ok\r\n', '354 go\r\n', '250 taken\r\n221 bye\r\n'].map((text) =>
      Buffer.from(text),
    );
    for (const [index, reply] of down.entries()) {
      server.send(reply);
      await client.gets(reply.toString());
      const next = up[index];
      if (!next) break;
      client.send(next);
      const total = Buffer.concat(up.slice(0, index + 1)).length;
      await within(
        5000,
        waitFor(() => server.received === total),
      );
    }
    server.finish();
    await client.getsEnd();
    client.finish();
    await rig.pairEnded();
    await proxy.stop(0);
    return { up: Buffer.concat(up), down: Buffer.concat(down) };
  }

  async function waitFor(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  }

  it('*.jsonl can be read back: the same bytes, the same events', async () => {
    const { up, down } = await record('a.jsonl', { 'keep-secrets': 'true' });
    const { connections, lost, secretsAreKept } = await readRecording(join(folder, 'a.jsonl'));
    expect([connections.length, lost, secretsAreKept]).to.deep.equal([1, 0, true]);
    const { events, protocol } = connections[0]!;
    expect(protocol).to.equal('smtp');
    for (const [side, bytes] of [
      ['client', up],
      ['server', down],
    ] as const) {
      const frames = events.filter((event) => event.type === 'frame' && event.from === side);
      const said = Buffer.concat(frames.map((event) => (event.type === 'frame' ? event.bytes : Buffer.alloc(0))));
      expect(said.equals(bytes)).to.equal(true);
    }
    expect(events.map(({ type }) => type).filter((type) => type !== 'frame' && type !== 'note')).to.deep.equal([
      ...['open', 'end', 'end', 'close'],
    ]);
  });

  it('*.jsonl holds no secret by default', async () => {
    await record('a.jsonl');
    const text = readFileSync(join(folder, 'a.jsonl'), 'utf8');
    expect(text).to.contain('"bytes":"AUTH PLAIN ********\\r\\n"');
    expect(text).to.contain('"secrets":"masked"');
  });

  for (const [what, listen, upstream] of [
    ['IPv4', '127.0.0.1:0', '127.0.0.1:'],
    ['a unix socket', 'unix', '192.0.2.1'],
  ] as const) {
    it(`*.pcapng is a TCP stream of the same bytes: ${what}`, async () => {
      const flags = { 'keep-secrets': 'true', listen: listen === 'unix' ? rig.path('proxy') : listen };
      const { up, down } = await record('a.pcapng', flags);
      expect(upstream).to.not.equal('');
      const all = packets(readFileSync(join(folder, 'a.pcapng')));
      expect(all.slice(0, 3).map(({ flags: set }) => set)).to.deep.equal(['SYN', 'SYN ACK', 'ACK']);
      const client = all[0]!.from;
      for (const [isClient, bytes] of [
        [true, up],
        [false, down],
      ] as const) {
        const own = all.filter(({ from }) => (from === client) === isClient);
        let next = 0;
        const said: Buffer[] = [];
        for (const { seq, bytes: piece, flags: set } of own) {
          expect(seq).to.equal(next);
          next += piece.length + (/SYN|FIN/.test(set) ? 1 : 0);
          said.push(piece);
        }
        expect(Buffer.concat(said).equals(bytes)).to.equal(true);
        expect(own.filter(({ flags: set }) => set === 'FIN ACK')).to.have.length(1);
        const other = isClient ? down : up;
        expect(own.at(-1)!.ack).to.be.within(1, other.length + 2);
      }
    });
  }

  it('*.pcapng knows IPv6', async () => {
    const upstream = await rig.upstream(() => {}, { at: '[::1]:0' }).catch(() => null);
    if (!upstream) return;
    const port = upstream.address.split(':').at(-1);
    const proxy = await rig.proxy(`[::1]:${port}`, { record: join(folder, 'a.pcapng'), protocol: 'line' });
    const [client, server] = await rig.join(proxy, upstream);
    client.send('hello\r\n').finish();
    await server.getsEnd();
    server.finish();
    await rig.pairEnded();
    await proxy.stop(0);
    const all = packets(readFileSync(join(folder, 'a.pcapng')));
    expect(all[0]!.to).to.equal(`00000000000000000000000000000001:${port}`);
    expect(Buffer.concat(all.map(({ bytes }) => bytes)).toString()).to.equal('hello\r\n');
  });

  for (const [what, text, says] of [
    ['a file of something else', '{"a":1}\n', 'bad.jsonl:1: it is no recording of lonedot'],
    ['no JSON', 'hello\n', 'bad.jsonl:1: '],
    [
      'a broken event',
      '{"recording":"lonedot dialogue","version":1}\n{"type":"frame","conn":1}\n',
      'bad.jsonl:2: it is no frame',
    ],
  ] as const) {
    it(`refuses ${what}, and says where`, async () => {
      const file = join(folder, 'bad.jsonl');
      writeFileSync(file, text);
      const message = await readRecording(file).then(
        () => '',
        (error: Error) => error.message,
      );
      expect(message).to.contain(says);
    });
  }
});
