// HTML as text: for the list, for search, and for people who read a mail that has no text part.
import { scanHtml } from './html-scan.ts';

/** What the elements hold is not for reading. */
const UNSEEN = new Set([
  'script',
  'style',
  'title',
  'template',
  'noembed',
  'noframes',
  'iframe',
  'object',
  'svg',
  'math',
]);
/** They stand on lines of their own. */
const BLOCKS = new Set(
  (
    'address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form ' +
    'h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol option p pre section summary table tbody tfoot thead tr ul'
  ).split(' '),
);
/** An empty line stands before and behind them. */
const SPACED = new Set('blockquote dl h1 h2 h3 h4 h5 h6 hr ol p pre table ul'.split(' '));
const LINKED = /^(https?|ftp):/i;

export interface HtmlTextOptions {
  /** Characters, about: reading stops there. Default 1 Mi. */
  readonly limit?: number;
  /** For reading: items of lists have their mark, links their address behind their text. Default false. */
  readonly marks?: boolean;
}

export function htmlToText(html: string, { limit = 1024 * 1024, marks = false }: HtmlTextOptions = {}): string {
  const lines = new TextLines();
  /** The unseen element that is open: its content is passed over, whatever is in it. */
  let unseen = '';
  let href = '';
  let linkText = '';
  scanHtml(
    html,
    {
      open(name, attributes) {
        if (unseen !== '') return;
        if (UNSEEN.has(name)) unseen = name;
        else if (name === 'br') lines.end();
        else if (BLOCKS.has(name)) lines.end(SPACED.has(name));
        else if (name === 'td' || name === 'th') lines.add(' ');
        else if (name === 'img') lines.add(attributes.get('alt') ?? '');
        if (name === 'li' && marks) lines.add('* ');
        if (name === 'a') [href, linkText] = [(attributes.get('href') ?? '').replace(/[\r\n\t]/g, '').trim(), ''];
      },
      close(name) {
        if (unseen !== '') {
          if (name === unseen) unseen = '';
          return;
        }
        if (name === 'a' && href !== '') {
          if (marks && LINKED.test(href) && href !== linkText.trim()) lines.add(` (${href.slice(0, 2048)})`);
          href = '';
        }
        if (BLOCKS.has(name)) lines.end(SPACED.has(name));
      },
      text(text) {
        if (unseen !== '') return;
        lines.add(text);
        if (href !== '' && linkText.length < 2048) linkText += text;
      },
    },
    () => lines.size >= limit,
  );
  return lines.toString();
}

/** Runs of blanks become one. The invisible characters with which mailers pad their preview text are blanks, too. */
export function collapseBlanks(text: string): string {
  return text.replace(/(?:[\s\u200b-\u200d\u00ad\ufeff]|\u034f)+/g, ' ');
}

/** Lines with their blanks collapsed and without runs of empty ones. */
class TextLines {
  size = 0;
  private readonly lines: string[] = [];
  private line = '';
  private wantsSpace = false;

  add(text: string): void {
    const words = collapseBlanks(text);
    if (words === '') return;
    if (words.startsWith(' ')) this.wantsSpace = true;
    const trimmed = words.trim();
    if (trimmed !== '') {
      this.line += this.wantsSpace && this.line !== '' && !this.line.endsWith(' ') ? ` ${trimmed}` : trimmed;
      this.size += trimmed.length;
    }
    this.wantsSpace = words.endsWith(' ') || (trimmed === '' && this.wantsSpace);
  }

  end(spaced = false): void {
    if (this.line !== '') this.lines.push(this.line.trimEnd());
    if (spaced && this.lines.length > 0 && this.lines.at(-1) !== '') this.lines.push('');
    this.line = '';
    this.wantsSpace = false;
  }

  toString(): string {
    this.end();
    while (this.lines.at(-1) === '') this.lines.pop();
    return this.lines.join('\n');
  }
}
