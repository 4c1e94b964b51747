// That effects touch what they match and nothing else: random traffic in random pieces, for every profile, under rules
// that hold every line and match none; the bytes of both directions are the same, by their hashes.
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { PROFILE_NAMES } from '../../../proxy/profiles/names.ts';
import { Random } from '../../../proxy/toxics/random.ts';
import { startProxy } from '../../../testing/index.ts';
import { fixtures } from '../profiles/support.ts';
import { Rig } from '../rig.ts';
import { Bench } from './bench.ts';

const NEVER = [
  'client /never said by anybody/: drop',
  'client body /never said by anybody/: rewrite /x/ => y',
  'client NEVER: answer no',
  'server /never said by anybody/: delay 1h',
  'server body /never said by anybody/: rewrite /x/ => y',
  'server literal /never said by anybody/: rewrite /x/ => y',
];
/** These match all, and change when bytes come, never which. */
const HARMLESS = ['client: slice 1ms', 'server: slice 1ms', 'client: throttle 1g/s', 'server every 7: delay 5ms'];
const ALPHABET = [...Buffer.from('AZaz 019+-*.$%{}()"<>@:;/=\r\n\r\n\r\n.\r\n\0\t\x16\x03\xff\x80', 'latin1')];
const WORDS = [
  'EHLO x\r\n',
  'DATA\r\n',
  '354 go\r\n',
  '.\r\n',
  'BDAT 7\r\n',
  'a LOGIN {3+}\r\n',
  '* OK\r\n',
  '+OK\r\n',
  '250-x\r\n',
  '250 x\r\n',
  '*2\r\n$3\r\n',
  'Content-Length: 9\r\n',
  '\r\n',
  '220 STARTTLS\r\n',
  'STARTTLS\r\n',
];

const hash = (all: readonly Buffer[]): string => createHash('sha256').update(Buffer.concat(all)).digest('hex');

function chunk(random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let i = random.below(6); i >= 0; i--) {
    if (random.below(2) === 0) parts.push(Buffer.from(WORDS[random.below(WORDS.length)]!, 'latin1'));
    else
      parts.push(
        Buffer.from(Array.from({ length: 1 + random.below(30) }, () => ALPHABET[random.below(ALPHABET.length)]!)),
      );
  }
  const whole = Buffer.concat(parts);
  return random.below(3) === 0 ? whole.subarray(0, 1 + random.below(whole.length)) : whole;
}

describe('proxy: effects are exact', () => {
  for (const [name, rules] of [
    ['that match nothing', NEVER],
    ['that change only when bytes come', HARMLESS],
  ] as const) {
    for (const protocol of [...PROFILE_NAMES, 'auto'] as const) {
      it(`${protocol}: random traffic passes rules ${name}, byte for byte`, () => {
        for (let seed = 1; seed <= 25; seed++) {
          const random = new Random(seed);
          const bench = new Bench(protocol, rules);
          const sent = { client: [] as Buffer[], server: [] as Buffer[] };
          for (let i = 0; i < 25; i++) {
            const from = random.below(2) === 0 ? 'client' : 'server';
            const bytes = chunk(random);
            sent[from].push(bytes);
            bench.feed(from, bytes);
            if (random.below(4) === 0) bench.wait(random.below(20));
          }
          bench.finish('client').finish('server');
          bench.wait(3_600_000);
          // What waited for an answer passes without one, but for what a rule makes wait still.
          bench.close();
          for (const side of ['client', 'server'] as const) {
            const all = Buffer.concat(sent[side]);
            const passed = Buffer.concat(bench.passed[side]);
            const due = rules === NEVER || bench.ended.includes(side) ? all : all.subarray(0, passed.length);
            expect(hash([passed]), `seed ${seed}, ${side}`).to.equal(hash([due]));
          }
        }
      });
    }
  }

  it('dialogues of every profile pass in single bytes', () => {
    for (const { file, profile, bursts } of fixtures()) {
      const bench = new Bench((profile?.name ?? 'auto') as 'auto', NEVER);
      for (const { from, bytes } of bursts) {
        for (const byte of bytes) bench.feed(from, Buffer.from([byte]));
        bench.wait(1000);
      }
      bench.finish('client').finish('server').close().wait(1000);
      for (const side of ['client', 'server'] as const) {
        const said = bursts.filter(({ from }) => from === side).map(({ bytes }) => bytes);
        expect(hash(bench.passed[side]), `${file} ${side}`).to.equal(hash(said));
      }
    }
  });

  describe('over sockets', () => {
    let rig: Rig;
    beforeEach(() => {
      rig = new Rig();
    });
    afterEach(() => rig.cleanUp());

    it('megabytes both ways, with a reader that is slow', async () => {
      const upstream = await rig.upstream();
      const proxy = await startProxy({
        upstream: upstream.address,
        protocol: 'line',
        effects: [...NEVER, 'client /^12345/: delay 3ms'],
      });
      rig.onCleanUp(() => proxy.stop());
      const lines = Buffer.from(Array.from({ length: 5000 }, (_, i) => `${i} of many lines\r\n`).join(''));
      const client = rig.client(proxy.address, 'not reading').pour(400_000, lines);
      const server = await upstream.end();
      server.pour(400_000, lines);
      await server.getsEnd();
      client.read();
      await client.getsEnd();
      expect([server.received, client.received]).to.deep.equal([400_000, 400_000]);
      server.expectAllOf(client);
      client.expectAllOf(server);
    });
  });
});
