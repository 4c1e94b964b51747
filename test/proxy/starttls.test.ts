// STARTTLS that is not offered or refused, whatever the protocol calls it: by the proxy's crossing it out, byte by byte.
import { expect } from 'chai';
import { crossOut } from '../../proxy/cross-out.ts';
import { Journal } from '../../proxy/dialogue/journal.ts';
import { Observer } from '../../proxy/dialogue/observer.ts';
import { Gate } from '../../proxy/gate.ts';
import type { ProfileName } from '../../proxy/profiles/names.ts';
import { PROFILES } from '../../proxy/profiles/table.ts';
import { type Burst, parse } from './profiles/support.ts';
import { Rig } from './rig.ts';

interface Passed {
  client: string;
  server: string;
  ends: string;
}

/** What passes, each side's as one text, and whether both ends were passed on. */
function pass(mode: 'strip' | 'refuse', name: ProfileName, chunks: readonly Burst[]): Passed {
  const journal = new Journal({ records: 1024 });
  const passed: Passed = { client: '', server: '', ends: '' };
  const gate = new Gate(
    () => crossOut(mode, name),
    (tap) => {
      const ends = { client: 'a:1', upstream: 'b:2' };
      return new Observer({ journal, conn: 1, profile: PROFILES[name], ...ends, now: () => 1, tap });
    },
  );
  gate.attach({
    pass: (from, bytes) => (passed[from] += bytes.toString('latin1')),
    end: (from) => (passed.ends += from),
    pause: () => {},
    close: () => {},
  });
  for (const { from, bytes } of chunks) gate.feed(from, bytes);
  gate.finish('client');
  gate.finish('server');
  return passed;
}

const CASES: readonly (readonly [ProfileName, string, stripped: string, refused: string])[] = [
  [
    'smtp',
    'S: 220 x\nC: EHLO a\nS: 250-x\nS: 250-STARTTLS\nS: 250 STARTTLS\nC: starttls\nS: 500 what\nC: DATA\nS: 354 go\nC: STARTTLS\nC: .\nS: 250 STARTTLS is text',
    '220 x|250-x|250-XXXXXXXX|250 XXXXXXXX|500 what|354 go|250 STARTTLS is text|',
    'EHLO a|XXXXXXXX|DATA|STARTTLS|.|',
  ],
  [
    'lmtp',
    'S: 220 x\nC: LHLO a\nS: 250-STARTTLS\nS: 250 x\nC: STARTTLS\nS: 500 x',
    '220 x|250-XXXXXXXX|250 x|500 x|',
    'LHLO a|XXXXXXXX|',
  ],
  [
    'imap',
    'S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: a STARTTLS\nS: * CAPABILITY IMAP4rev1 STARTTLS ID\nS: a BAD no\nC: b LOGIN {8+}\nC: STARTTLS x\nS: b OK STARTTLS',
    '* OK [CAPABILITY IMAP4rev1 XXXXXXXX] hi|* CAPABILITY IMAP4rev1 XXXXXXXX ID|a BAD no|b OK STARTTLS|',
    'a XXXXXXXX|b LOGIN {8+}|STARTTLS x|',
  ],
  ['pop3', 'S: +OK\nC: CAPA\nS: +OK\nS: STLS\nS: .\nC: STLS\nS: -ERR', '+OK|+OK|XXXX|.|-ERR|', 'CAPA|XXXX|'],
  [
    'nntp',
    'S: 200 x\nC: CAPABILITIES\nS: 101 x\nS: STARTTLS\nS: .\nC: STARTTLS\nS: 500 x',
    '200 x|101 x|XXXXXXXX|.|500 x|',
    'CAPABILITIES|XXXXXXXX|',
  ],
  [
    'ftp',
    'S: 220 x\nC: FEAT\nS: 211-x\nS:  AUTH TLS\nS: 211 x\nC: AUTH TLS\nS: 500 x',
    '220 x|211-x| XXXX TLS|211 x|500 x|',
    'FEAT|XXXX TLS|',
  ],
  ['managesieve', 'S: "STARTTLS"\nS: OK\nC: STARTTLS\nS: NO', '"XXXXXXXX"|OK|NO|', 'XXXXXXXX|'],
  [
    'irc',
    'C: CAP LS 302\nS: :x CAP * LS :sasl tls multi-prefix\nC: STARTTLS\nS: :x 421 a :what',
    ':x CAP * LS :sasl XXX multi-prefix|:x 421 a :what|',
    'CAP LS 302|XXXXXXXX|',
  ],
];

describe('proxy: --starttls', () => {
  for (const [name, text, server, client] of CASES) {
    for (const mode of ['strip', 'refuse'] as const) {
      it(`${mode}: ${name}, however it is cut`, () => {
        const { bursts } = parse('', text);
        const original = bursts.filter(({ from }) => from === 'server').map(({ bytes }) => bytes.toString('latin1'));
        const expected = {
          client: client.replaceAll('|', '\r\n'),
          server: mode === 'strip' ? server.replaceAll('|', '\r\n') : original.join(''),
        };
        const cuts = [
          [...bursts],
          bursts.flatMap(({ from, bytes }) => [...bytes].map((byte) => ({ from, bytes: Buffer.from([byte]) }))),
        ];
        for (const [index, { from, bytes }] of bursts.entries()) {
          for (let at = 1; at < bytes.length; at++) {
            cuts.push(
              bursts.toSpliced(index, 1, { from, bytes: bytes.subarray(0, at) }, { from, bytes: bytes.subarray(at) }),
            );
          }
        }
        for (const chunks of cuts) {
          expect(pass(mode, name, chunks)).to.deep.include(expected);
          expect(pass(mode, name, chunks).ends).to.have.length('clientserver'.length);
        }
      });
    }
  }

  describe('over sockets', () => {
    let rig: Rig;
    beforeEach(() => {
      rig = new Rig();
    });
    afterEach(() => rig.cleanUp());

    it('passes what it changes, what it does not, and both ends', async () => {
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(upstream.address, { protocol: 'smtp', starttls: 'strip' });
      const [client, server] = await rig.join(proxy, upstream);
      server.send('220 x\r\n');
      await client.gets('220 x\r\n');
      client.send('EHLO a\r\nSTART');
      await server.gets('EHLO a\r\n');
      server.send('250-STARTTLS\r\n250 HELP\r\n');
      await client.gets('250-XXXXXXXX\r\n250 HELP\r\n');
      client.send('TLS\r\nDATA\r\nheld until the answer').finish();
      await server.gets('XXXXXXXX\r\n');
      server.send('500 what\r\n');
      await server.gets('DATA\r\n');
      server.send('354 go\r\n');
      await server.gets('DATA\r\nheld until the answer');
      await server.getsEnd();
      server.send('without an end of line').finish();
      await client.gets('without an end of line');
      await client.getsEnd();
      expect((await rig.pairEnded()).error).to.equal(undefined);
    });

    it('loses nothing of much data', async () => {
      const upstream = await rig.upstream();
      const proxy = await rig.proxy(upstream.address, { protocol: 'smtp', starttls: 'refuse' });
      const lines = Buffer.from('NOOP and more words\r\n'.repeat(10_000));
      const client = rig.client(proxy.listen).pour(lines.length * 20, lines);
      const server = await upstream.end();
      await server.getsEnd();
      server.expectAllOf(client);
      server.finish();
    });

    it('needs to know the protocol', async () => {
      const upstream = await rig.upstream();
      let message = '';
      await rig.proxy(upstream.address, { starttls: 'strip' }).catch((error: Error) => {
        message = error.message;
      });
      expect(message).to.equal('--starttls strip needs --protocol: auto may find out too late');
    });
  });
});
