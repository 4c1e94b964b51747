// T16 of the SMTP corpus: what the proxy takes for a command, a content, a chunk is what a strict server takes for it, and
// no byte of it is changed, whether it only looks, lints, or holds every line for its effects.
import { expect } from 'chai';
import type { DialogueEvent, SideName } from '../../proxy/dialogue/event.ts';
import { PROFILES } from '../../proxy/profiles/table.ts';
import { Bench } from './effects/bench.ts';
import { type Burst, watch } from './profiles/support.ts';

const ENVELOPE = 'MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n';
const SMUGGLED = 'MAIL FROM:<evil@x.example>\r\nRCPT TO:<v@x.example>\r\nDATA\r\nSubject: s\r\n\r\nSMUGGLED\r\n.\r\n';
/** What some servers take for the end of a content; none of them is. */
const NO_ENDS = [
  ...['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r.\n', '\n.\r', '\r.\r\n', '\r\n.\r'],
  ...['\r\n\0.\r\n', '\r\n.\0\r\n', '\r\n.\r\r\n', '\r\r\n.\r\r\n'],
];

/** Up to the 354, then the content in two chunks, then what follows it. */
function dialogue(content: string, cut: number): Burst[] {
  const say = (from: SideName, text: string): Burst => ({ from, bytes: Buffer.from(text, 'latin1') });
  return [
    say('server', '220 x\r\n'),
    say('client', 'EHLO a\r\n'),
    say('server', '250 x\r\n'),
    say('client', `${ENVELOPE}DATA\r\n`),
    say('server', '250 ok\r\n250 ok\r\n354 go\r\n'),
    say('client', content.slice(0, cut)),
    say('client', content.slice(cut)),
    say('server', '250 queued\r\n'),
    say('client', 'QUIT\r\n'),
    say('server', '221 bye\r\n'),
  ];
}

const commands = (events: readonly DialogueEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === 'frame' && event.kind === 'command' ? [event.bytes.toString('latin1').trimEnd()] : [],
  );

describe('proxy: smuggling (SMTP corpus T16)', () => {
  for (const sequence of NO_ENDS) {
    it(`T16: ${JSON.stringify(sequence)} ends no content, however it is cut, and is told`, () => {
      const content = `Subject: t\r\n\r\nA${sequence}${SMUGGLED}`;
      const at = content.indexOf(sequence);
      for (let cut = at; cut <= at + sequence.length; cut++) {
        const events = watch(PROFILES.smtp, dialogue(content, cut));
        expect(commands(events), `cut at ${cut - at}`).to.deep.equal([
          ...['EHLO a', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA', 'QUIT'],
        ]);
        const body = events.flatMap((event) => (event.type === 'frame' && event.kind === 'body' ? [event.bytes] : []));
        expect(Buffer.concat(body).toString('latin1')).to.equal(content);
        const notes = events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
        // A NUL beside the dot is no end of a line to anybody that ends lines at all.
        if (!sequence.includes('\0')) expect(notes.join()).to.match(/bare (?:CR|LF)/);
      }
    });
  }

  it('T16: octets of BDAT are counted, whatever they look like', () => {
    const chunks = (text: string): Burst[] => [
      { from: 'server', bytes: Buffer.from('220 x\r\n') },
      ...[...text].map((c): Burst => ({ from: 'client', bytes: Buffer.from(c, 'latin1') })),
    ];
    const said = `${ENVELOPE}BDAT 12\r\nRSET\r\nQUIT\r\nBDAT 5 LAST\r\n\n.\r\nQNOOP\r\n`;
    expect(commands(watch(PROFILES.smtp, chunks(said)))).to.deep.equal([
      ...['MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'BDAT 12', 'BDAT 5 LAST', 'NOOP'],
    ]);
  });

  it('T16: a bare LF passes as it is, also where every line is held, and none becomes CRLF', () => {
    for (const sequence of NO_ENDS) {
      const content = `Subject: t\r\n\r\nA${sequence}${SMUGGLED}`;
      // They look at every line, and match none.
      const bench = new Bench('smtp', ['client /no such text/: drop', 'client body /no such text/: rewrite /x/ => y']);
      for (const { from, bytes } of dialogue(content, content.indexOf(sequence) + 1)) bench.feed(from, bytes);
      const passed = Buffer.concat(bench.passed.client).toString('latin1');
      expect(passed).to.equal(`EHLO a\r\n${ENVELOPE}DATA\r\n${content}QUIT\r\n`);
    }
  });
});
