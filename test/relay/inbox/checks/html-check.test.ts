// What a mail's HTML uses and which programs do not show it: the features are seen, the score is theirs, the shape is
// that of Mailpit's API, and no HTML takes long.
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { CANIEMAIL } from '../../../../relay/inbox/checks/caniemail.ts';
import { checkHtml, htmlCheckJson } from '../../../../relay/inbox/checks/html-check.ts';
import * as TESTS from '../../../../relay/inbox/checks/html-tests.ts';

/** `css-gap 2`, sorted; without those of selectors, which nearly all have. */
function found(html: string): string[] {
  return checkHtml(html)
    .warnings.map(({ feature, found }) => `${feature.slug} ${found}`)
    .filter((each) => !each.startsWith('css-selector-'))
    .sort();
}

const ROWS: readonly [html: string, features: readonly string[]][] = [
  ['<p>plain</p>', []],
  ['<video src=x></video><VIDEO></VIDEO>', ['html-video 2']],
  ['<b style="position:absolute">', ['css-position 1']],
  ['<b style="POSITION : absolute ; opacity:.5">', ['css-opacity 1', 'css-position 1']],
  ['<b style="background:url(data:a;position:fixed)">', ['css-background 1']],
  ['<b style="/* position:fixed */ gap:1px">', ['css-comments 1', 'css-gap 1']],
  ['<b style="content:\'position:fixed; gap:1px\'">', []],
  ['<b style="width:calc(1px + 2rem)">', ['css-unit-calc 1', 'css-unit-rem 1', 'css-width 1']],
  ['<b style="color:red !important">', ['css-important 1']],
  [
    '<b style="display:inline-flex;display:grid;display:block">',
    ['css-display 3', 'css-display-flex 1', 'css-display-grid 1'],
  ],
  ['<b style="--x:1px;color:var(--x)">', ['css-variables 2']],
  ['<b style="background-image:linear-gradient(red, blue)">', ['css-background-image 1', 'css-linear-gradient 1']],
  [
    '<img src="https://x.example/a.WEBP?x=1"><img src="a.svg#b"><img src="data:image/png;base64,x.webp">',
    ['image-base64 1', 'image-svg 1', 'image-webp 1'],
  ],
  ['<a href="#top">x</a><a href="x#y">x</a>', ['html-anchor-links 1']],
  ['<input type=radio><button type=SUBMIT>', ['html-button-submit 1', 'html-input-radio 1']],
  ['<script>x</script><script type="application/ld+json">{}</script>', ['html-script 1']],
  ['<!-- [if mso]><video></video><![endif] --><p>', []],
  [
    '<style>@media (prefers-color-scheme: dark) { p { color: red } }</style>',
    ['css-at-media 1', 'css-at-media-prefers-color-scheme 1', 'html-style 1'],
  ],
  [
    '<style>@import "x.css"; @font-face { font-family: x; src: url(x) }</style>',
    ['css-at-font-face 1', 'css-at-import 1', 'html-style 1'],
  ],
  [
    '<style>.x { gap: 1px } .none { opacity: 0 } #i, p.y { z-index: 1 }</style><p class="x y"><p class=x id=i>',
    ['css-gap 2', 'css-z-index 2', 'html-style 1'],
  ],
  [
    '<style>a:hover::before { top: 0 }</style><a>',
    ['css-left-right-top-bottom 1', 'css-pseudo-class-hover 1', 'css-pseudo-element-before 1', 'html-style 1'],
  ],
  ['<style>div { & p { gap: 1px } }</style><div><p>', ['css-gap 1', 'css-nesting 1', 'html-style 1']],
  ['<style>p { opacity: 1', ['html-style 1']],
];

describe('the HTML check', () => {
  for (const [html, features] of ROWS) {
    it(`sees ${features.join(', ') || 'nothing wrong'} in ${html.slice(0, 50)}`, () => {
      const known = features.filter((each) => (CANIEMAIL.get(each.split(' ')[0]!)?.score.supported ?? 0) < 100);
      expect(known, 'features that all support').to.deep.equal(features);
      expect(found(html).filter((each) => !/^css-unit-px|^css-margin|^css-color$/.test(each))).to.deep.equal(
        [...features].sort(),
      );
    });
  }

  it('has a test for every feature, or a property of its name', () => {
    const tested = new Set(Object.values(TESTS).flatMap((table) => Object.keys(table)));
    expect([...tested].filter((slug) => !CANIEMAIL.has(slug))).to.deep.equal([]);
    const rest = [...CANIEMAIL.keys()].filter((slug) => !tested.has(slug) && !slug.startsWith('css-'));
    expect(rest).to.deep.equal(['html-comments', 'html-doctype']);
  });

  it('weighs what is found by how much of the mail uses it', () => {
    const { score, nodes } = checkHtml(`<script></script>${'<p>'.repeat(9)}`);
    expect([nodes, score]).to.deep.equal([10, { supported: 90, partial: 0, unsupported: 10 }]);
    expect(checkHtml('<p>').score).to.deep.equal({ supported: 100, partial: 0, unsupported: 0 });
  });

  it("has the shape of Mailpit's API", () => {
    const json = htmlCheckJson(checkHtml('<b style="position:absolute">'));
    expect(Object.keys(json)).to.deep.equal(['Warnings', 'Platforms', 'Total']);
    expect(json.Total).to.have.all.keys('Tests', 'Nodes', 'Supported', 'Partial', 'Unsupported');
    const [warning] = json.Warnings;
    expect(warning).to.include({
      Slug: 'css-position',
      Title: 'position',
      Category: 'css',
      URL: 'https://www.caniemail.com/features/css-position/',
    });
    expect(warning).to.have.all.keys(
      'Slug',
      'Title',
      'Description',
      'URL',
      'Category',
      'Tags',
      'Keywords',
      'Results',
      'NotesByNumber',
      'Score',
    );
    expect(warning?.Score).to.have.all.keys('Found', 'Supported', 'Partial', 'Unsupported');
    expect(warning!.Score.Supported + warning!.Score.Partial + warning!.Score.Unsupported).to.be.closeTo(100, 0.001);
    const outlook = warning?.Results.find(({ Name }) => Name === 'Outlook Windows (2019)');
    expect(outlook).to.deep.equal({
      Name: 'Outlook Windows (2019)',
      Platform: 'windows',
      Family: 'outlook',
      Version: '2019',
      Support: 'no',
      NoteNumber: '',
    });
    expect(Object.entries(json.Platforms).find(([platform]) => platform === 'windows')?.[1]).to.include('Outlook');
  });

  const HOSTILE: readonly [name: string, html: string][] = [
    ['braces', `<style>${'a{'.repeat(300_000)}`],
    ['at-rules', `<style>${'@media{'.repeat(200_000)}</style>`],
    ['rules', `<style>${'.a,.b>p:hover{color:red;gap:1px}'.repeat(20_000)}</style>${'<p class=a>'.repeat(20_000)}`],
    ['classes', `<p class="${'a '.repeat(500_000)}">`],
    ['a selector', `<style>${'a>b+c~d '.repeat(100_000)}{x:y}</style>`],
    ['values', `<p style="${'width:calc(1px + 1px) '.repeat(50_000)}">`],
    ['comments', `<style>${'/*'.repeat(300_000)}`],
    ['strings', `<style>${'"'.repeat(300_001)}`],
    ['brackets', `<style>${'['.repeat(300_000)}{a:b}</style>`],
  ];
  for (const [name, html] of HOSTILE) {
    it(`ends soon with many ${name}`, () => {
      const started = performance.now();
      checkHtml(html);
      expect(performance.now() - started).to.be.below(3000);
    });
  }

  it('has data that is what its script makes', () => {
    const script = 'scripts/caniemail-data.mjs';
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(stderr).to.equal('');
    expect(status).to.equal(0);
  });
});
