// Every profile on dialogues of its RFC: what it sees is the same however the network cuts it, and all bytes that
// passed are in the journal, whatever they are.
import { expect } from 'chai';
import fc from 'fast-check';
import type { DialogueEvent, FrameEvent } from '../../../proxy/dialogue/event.ts';
import { PROFILES } from '../../../proxy/profiles/table.ts';
import { type Burst, fixtures, shown, watch } from './support.ts';

function framesOf(events: readonly DialogueEvent[]): FrameEvent[] {
  return events.filter((event) => event.type === 'frame');
}

/** Each direction's bytes, in the order of their offsets, which must leave no gap. */
function bytesOf(events: readonly DialogueEvent[], from: 'client' | 'server'): Buffer {
  const frames = framesOf(events).filter((event) => event.from === from);
  let offset = 0;
  for (const frame of frames) {
    expect(frame.offset).to.equal(offset);
    offset += frame.bytes.length;
  }
  return Buffer.concat(frames.map(({ bytes }) => bytes));
}

function said(chunks: readonly Burst[], from: 'client' | 'server'): Buffer {
  return Buffer.concat(chunks.filter((one) => one.from === from).map(({ bytes }) => bytes));
}

/** The dialogue with one burst cut in two at each place, and with all of it in single bytes. */
function* everyCut(bursts: readonly Burst[]): Generator<Burst[]> {
  for (const [index, { from, bytes }] of bursts.entries()) {
    for (let at = 1; at < bytes.length; at++) {
      const halves = [bytes.subarray(0, at), bytes.subarray(at)].map((half) => ({ from, bytes: Buffer.from(half) }));
      yield bursts.toSpliced(index, 1, ...halves);
    }
  }
  yield bursts.flatMap(({ from, bytes }) => [...bytes].map((byte) => ({ from, bytes: Buffer.from([byte]) })));
}

describe('the profiles', () => {
  for (const { title, profile, bursts, expected } of fixtures()) {
    it(`${title}`, () => {
      expect(shown(watch(profile, bursts))).to.deep.equal(expected);
    });

    it(`${title} (every cut)`, () => {
      for (const chunks of everyCut(bursts)) {
        const events = watch(profile, chunks);
        const where = chunks.map(({ from, bytes }) => `${from[0]} ${JSON.stringify(bytes.toString('latin1'))}`);
        expect(shown(events), where.join('\n')).to.deep.equal(expected);
      }
    });
  }

  const TOKENS = [
    ...[
      'EHLO a\r\n',
      'DATA\r\n',
      'BDAT 5\r\n',
      'AUTH PLAIN\r\n',
      'STARTTLS\r\n',
      '.\r\n',
      'QUIT\n',
      '354 x\r\n',
      '250-a\r\n',
    ],
    ...[
      '334 \r\n',
      '220 x\r\n',
      'a LOGIN {3}\r\n',
      'b NOOP {2+}\r\n',
      '+ \r\n',
      'a OK\r\n',
      '* 1 FETCH {4}\r\n',
      '* OK x\r\n',
    ],
    ...[
      '+OK\r\n',
      '-ERR\r\n',
      'RETR 1\r\n',
      'LIST\r\n',
      'STLS\r\n',
      '215 x\r\n',
      '211 x\r\n',
      '340 x\r\n',
      'TAKETHIS <a>\r\n',
    ],
    ...[
      'GET / HTTP/1.1\r\n',
      'HTTP/1.1 200 OK\r\n',
      'Content-Length: 3\r\n',
      'Transfer-Encoding: chunked\r\n',
      '\r\n',
      '4\r\n',
    ],
    ...[
      '*2\r\n',
      '$3\r\n',
      '%1\r\n',
      '$?\r\n',
      ';1\r\n',
      '|1\r\n',
      '*?\r\n',
      'set a 0 0 2\r\n',
      'VALUE a 0 3\r\n',
      'END\r\n',
    ],
    ...[
      '\xff\xfb\x01',
      'Password: ',
      '\x16\x03\x01',
      '\x16',
      '\r',
      '\n',
      '\0',
      '\x80',
      '{0+}\r\n',
      'AUTHENTICATE "PLAIN" {2+}\r\n',
    ],
  ];
  const piece = fc.oneof(
    fc.constantFrom(...TOKENS).map((text) => Buffer.from(text, 'latin1')),
    fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  );
  const traffic = fc.array(fc.record({ from: fc.constantFrom('client' as const, 'server' as const), bytes: piece }), {
    maxLength: 40,
  });

  for (const profile of [...Object.values(PROFILES), null]) {
    it(`${profile?.name ?? 'auto'} loses, repeats and changes no byte of random traffic`, () => {
      fc.assert(
        fc.property(traffic, (chunks) => {
          const passed = { client: [] as Buffer[], server: [] as Buffer[] };
          const framed = (from: 'client' | 'server', _: unknown, bytes: Buffer) => {
            passed[from].push(bytes);
            return null;
          };
          const events = watch(profile, chunks, true, { framed, ended: () => {} });
          for (const from of ['client', 'server'] as const) {
            expect(bytesOf(events, from).equals(said(chunks, from))).to.equal(true);
            expect(Buffer.concat(passed[from]).equals(said(chunks, from))).to.equal(true);
          }
          expect(events.filter((event) => event.type === 'note' && event.text.includes('failed'))).to.deep.equal([]);
        }),
        { numRuns: 300 },
      );
    });
  }

  it('shows a line that is too long in parts, all of them secret if the first is', () => {
    const token = 'x'.repeat(200_000);
    const events = watch(PROFILES.smtp, [
      { from: 'server', bytes: Buffer.from('220 x\r\n') },
      { from: 'client', bytes: Buffer.from(`AUTH PLAIN ${token}\r\n`) },
      { from: 'server', bytes: Buffer.from('500 too long\r\n') },
      { from: 'client', bytes: Buffer.from('QUIT\r\n') },
    ]);
    expect(bytesOf(events, 'client').toString('latin1')).to.equal(`AUTH PLAIN ${'*'.repeat(200_000)}\r\nQUIT\r\n`);
    expect(framesOf(events).map(({ truncated, more }) => truncated && more)).to.deep.equal([
      false,
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(framesOf(events).at(-2)!.answers).to.equal(framesOf(events)[1]!.seq);
  });

  it('keeps no more than it may of a client that does not wait for an answer, and hides the rest', () => {
    const chunks = Array.from({ length: 20 }, () => ({ from: 'client' as const, bytes: Buffer.alloc(20_000, 'a') }));
    const events = watch(PROFILES.smtp, [{ from: 'client', bytes: Buffer.from('DATA\r\n') }, ...chunks]);
    expect(events.filter((event) => event.type === 'note').map(({ text }) => text)).to.deep.equal([
      'too much was said before the answer: raw from here on',
    ]);
    expect(bytesOf(events, 'client').toString('latin1')).to.equal(`DATA\r\n${'*'.repeat(400_000)}`);
  });
});
