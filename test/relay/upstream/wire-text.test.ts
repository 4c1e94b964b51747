// The text behind DATA: whatever the content is and however it is cut, the other side sees one end of data and no line
// end that another server could read differently.
import { expect } from 'chai';
import { WireText, wholeWireText } from '../../../relay/upstream/wire-text.ts';
import { everySplit } from '../../../src/every-split.ts';

function inPieces(pieces: readonly Buffer[]): string {
  const text = new WireText();
  return Buffer.concat([...pieces.map((piece) => text.write(piece)), text.end()]).toString('latin1');
}

describe('WireText', () => {
  const TEXTS: readonly [content: string, wire: string][] = [
    ['', '.\r\n'],
    ['x', 'x\r\n.\r\n'],
    ['x\r\n', 'x\r\n.\r\n'],
    ['.', '..\r\n.\r\n'],
    ['.\r\n', '..\r\n.\r\n'],
    ['a\r\n.b\r\n..\r\n', 'a\r\n..b\r\n...\r\n.\r\n'],
    ['a\n.\nb', 'a\r\n..\r\nb\r\n.\r\n'],
    ['a\r.\rb\r', 'a\r\n..\r\nb\r\n.\r\n'],
    ['a\r\r\n.\r\n', 'a\r\n\r\n..\r\n.\r\n'],
    ['a\n\r.', 'a\r\n\r\n..\r\n.\r\n'],
  ];
  for (const [content, wire] of TEXTS) {
    it(`E20 ${JSON.stringify(content)} in every cutting`, () => {
      const bytes = Buffer.from(content, 'latin1');
      expect(wholeWireText([bytes]).toString('latin1')).to.equal(wire);
      expect(everySplit(bytes, inPieces)).to.equal(wire);
    });
  }

  it('passes clean pieces on without a copy', () => {
    const clean = Buffer.from('Subject: t\r\n\r\nHello\r\n');
    expect(new WireText().write(clean)).to.equal(clean);
  });
});
