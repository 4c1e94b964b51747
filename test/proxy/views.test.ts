// What people see in a terminal.
import { expect } from 'chai';
import { Journal } from '../../proxy/dialogue/journal.ts';
import { Observer } from '../../proxy/dialogue/observer.ts';
import { PROFILES } from '../../proxy/profiles/table.ts';
import { type TerminalOptions, TerminalView } from '../../proxy/views/terminal.ts';
import { hexRows, isBinary, lineText } from '../../proxy/views/text.ts';
import { paintFor } from '../../src/colour.ts';
import { parse } from './profiles/support.ts';

/** The lines of a dialogue, each without its time. One millisecond passes with every chunk. */
function lines(name: keyof typeof PROFILES, text: string, options: Partial<TerminalOptions> = {}): string[] {
  const journal = new Journal({ records: 1024 });
  let time = 0;
  const observer = new Observer({
    ...{ journal, conn: 7, profile: PROFILES[name], client: '127.0.0.1:4711', upstream: 'h:25' },
    now: () => (time += 1),
  });
  for (const { from, bytes } of parse('', text).bursts) observer.feed(from, bytes);
  observer.close({ bytesUp: 10, bytesDown: 20, error: '' });
  const view = new TerminalView({ paint: (_, words) => words, bodyLines: 3, ...options });
  let shown = '';
  for (let seq = 0; seq < journal.next; seq++) shown += view.event(journal.event(seq)!);
  return shown.split('\n').map((line) => line.replace(/\d\d:\d\d:\d\d\.\d{3}/, 'TIME'));
}

describe('the terminal view', () => {
  it('shows commands, answers with their latency, folded contents, and both ends', () => {
    const mail = Array.from({ length: 9 }, (_, i) => `C: line ${i}`).join('\n');
    expect(lines('smtp', `S: 220 hi\nC: DATA\nS: 354 go\n${mail}\nC: .\nS: 550 5.7.1 no`)).to.deep.equal([
      '  7 TIME          -- 127.0.0.1:4711 connected; upstream h:25',
      '  7 TIME   1.00ms S< 220 hi',
      '  7 TIME          C> DATA',
      '  7 TIME   1.00ms S< 354 go',
      '  7 TIME          C| line 0',
      '  7 TIME          C| line 1',
      '  7 TIME          C| line 2',
      '  7 TIME          C| ... 51 more bytes',
      '  7 TIME   1.00ms S< 550 5.7.1 no',
      '  7 TIME          -- closed: 10 bytes up, 20 down',
      '',
    ]);
  });

  it('shows only lines that match, and their answers', () => {
    const text = 'S: 220 hi\nC: MAIL FROM:<a>\nC: RCPT TO:<b>\nC: QUIT\nS: 250 one\nS: 250 two\nS: 221 bye';
    const only = (pattern: RegExp) => lines('smtp', text, { only: pattern }).map((line) => line.slice(18));
    expect(only(/RCPT/)).to.deep.equal(['C> RCPT TO:<b>', '  1.00ms S< 250 two'.slice(9), ''].map((l) => l));
    expect(only(/^S</)).to.have.length(5);
  });

  it('hides secrets, whatever their length', () => {
    expect(lines('imap', 'S: * OK\nC: a LOGIN bob {3+}\nC: xyz\nC: \nC: b LOGIN bob secret')[3]).to.match(/C> \*\*\*$/);
    expect(lines('pop3', 'S: +OK\nC: PASS x')[2]).to.match(/C> PASS \*\*\*$/);
  });

  it('gathers the frames of RESP into a line', () => {
    const text = 'C: *3\nC: $3\nC: SET\nC: $1\nC: k\nC: $3\nC: a b\nS: +OK';
    expect(
      lines('resp', text)
        .slice(1, 3)
        .map((line) => line.slice(18)),
    ).to.deep.equal(['C> *3 SET k "a b"', 'S< +OK']);
  });

  it('shows what is no text as a hexdump, folded', () => {
    const text = `C> ${Array.from({ length: 64 }, (_, i) => `\\x${i.toString(16).padStart(2, '0')}`).join('')}`;
    expect(
      lines('raw', text)
        .slice(1, 5)
        .map((line) => line.slice(18)),
    ).to.deep.equal([
      'C| 00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |................|',
      'C| 00000010  10 11 12 13 14 15 16 17  18 19 1a 1b 1c 1d 1e 1f  |................|',
      'C| 00000020  20 21 22 23 24 25 26 27  28 29 2a 2b 2c 2d 2e 2f  | !"#$%&\'()*+,-./|',
      'C| ... 16 more bytes',
    ]);
  });

  it('lets nothing reach the terminal that it would obey', () => {
    expect(lines('line', 'C> \\x1b]0;title\\x07\\x9b31m\\r\\n')[1]).to.match(/C> \\x1b\]0;title\\x07\\x9b31m$/);
    expect(lineText(Buffer.from('sch\u00f6n \u202eevil\t'))).to.equal('sch\u00f6n \\u202eevil\\t');
    expect(lineText(Buffer.from([0x73, 0xf6, 0x80]))).to.equal('s\\xf6\\x80');
  });

  it('counts what is encrypted', () => {
    const text = 'S: 220 x\nC: STARTTLS\nS: 220 go\nC> \\x16\\x03\\x01\\x00';
    expect(lines('smtp', text)[5]).to.match(/C\| 4 bytes of TLS$/);
  });

  it('colours where it may', () => {
    const paint = paintFor({ isTTY: true }, {});
    expect(lines('smtp', 'S: 220 hi', { paint })[1]).to.contain('\x1b[32mS<\x1b[0m 220 hi');
    expect(lines('smtp', 'S: 554 no', { paint })[1]).to.contain('\x1b[31mS<\x1b[0m 554 no');
  });

  it('says how much it could not show', () => {
    const view = new TerminalView({ paint: (_, words) => words, bodyLines: 3 });
    expect(view.lost(12)).to.equal('-- 12 events are not shown: they came faster than they could be\n');
  });

  it('tells text from what is none', () => {
    expect(isBinary(Buffer.from('Gr\u00fc\u00dfe, \u4f60\u597d\r\n'))).to.equal(false);
    expect(isBinary(Buffer.from('caf\xe9 is latin1', 'latin1'))).to.equal(false);
    expect(isBinary(Buffer.from('a\0b'))).to.equal(true);
    expect(hexRows(Buffer.from('ab'), 16, 5)).to.deep.equal([
      '00000010  61 62                                             |ab|',
    ]);
  });
});
