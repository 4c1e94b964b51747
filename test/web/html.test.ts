import { expect } from 'chai';
import { html } from '../../web/server/html.ts';
import { formatCount, formatSize, formatTime, formatZone, sourceText } from '../../web/server/pages/format.ts';

describe('html', () => {
  it('escapes what is put into it, between tags and in attributes', () => {
    const hostile = `"><script>alert('x')</script>&`;
    const escaped = '&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;';
    expect(html`<a title="${hostile}">${hostile}</a>`.text).to.equal(`<a title="${escaped}">${escaped}</a>`);
  });

  it('takes templates, lists of them and numbers as they are', () => {
    const items = ['<', 2].map((item) => html`<li>${item}</li>`);
    expect(html`<ul>${items}</ul>${[['&'], []]}`.text).to.equal('<ul><li>&lt;</li><li>2</li></ul>&amp;');
  });

  it('is not taken in by an object that looks like markup', () => {
    const forged = JSON.parse('{"text":"<b>"}') as string;
    expect(() => html`${forged}`.text).to.throw(TypeError);
  });
});

describe('formats of the pages', () => {
  it('writes sizes with two or three digits', () => {
    const sizes = [0, 1023, 1024, 4300, 10_188, 10_189, 1_048_063, 1_048_064, 32_500_000, 2 ** 31, 2 ** 52];
    expect(sizes.map(formatSize)).to.deep.equal([
      '0 B',
      '1023 B',
      '1.0 KB',
      '4.2 KB',
      '9.9 KB',
      '10 KB',
      '1023 KB',
      '1.0 MB',
      '31 MB',
      '2.0 GB',
      '4096 TB',
    ]);
  });

  it('writes times of the server with their distance from UTC', () => {
    const at = new Date(2026, 0, 2, 3, 4, 5);
    expect(formatTime(at.getTime())).to.equal('2026-01-02 03:04:05');
    expect(formatZone(at.getTime())).to.match(/^UTC([+-]\d\d:\d\d)?$/);
  });

  it('tells one from many', () => {
    expect([0, 1, 1204].map((count) => formatCount(count, 'message', 'messages'))).to.deep.equal([
      '0 messages',
      '1 message',
      '1,204 messages',
    ]);
  });

  it('shows bytes that a page cannot hold as visible characters', () => {
    const bytes = Buffer.from([0x41, 0x00, 0x1b, 0x09, 0x0d, 0x0a, 0x7f, 0xc2, 0x85, 0xff, 0xc3, 0xbc]);
    expect(sourceText(bytes, true)).to.equal('A\u2400\u241b\t\r\n\u2421\ufffd\ufffdü');
  });

  it('leaves a character away that the end of the part has cut in two', () => {
    const bytes = Buffer.from('aü').subarray(0, 2);
    expect(sourceText(bytes, false)).to.equal('a');
    expect(sourceText(bytes, true)).to.equal('a\ufffd');
  });
});
