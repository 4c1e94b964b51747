// A recording as one page of HTML that needs nothing else: no script, no style, no picture from elsewhere. Everything that
// was said is escaped; long contents fold by themselves.
import type { Colour } from '../../../src/colour.ts';
import type { RecordedConnection, Recording } from '../../recording/read.ts';
import { TerminalView } from '../../views/terminal.ts';
import { titleOf } from './as-markdown.ts';

/** Contents longer than this are folded, and lines beyond the other are left out. */
const FOLDED = 12;
const MOST_LINES = 1000;
/** Marks of a colour: no line of a terminal has these. */
const [BEGIN, OF, END] = ['\u0001', '\u0002', '\u0003'];
const MARKED = new RegExp(`${BEGIN}(\\w+)${OF}|${END}`, 'g');
const CONTENT = new RegExp(`${OF}[CS]\\|${END}`);

const STYLE = `
:root { color-scheme: light dark; --cyan: #05696b; --green: #22691f; --red: #b3261e; --yellow: #7a5200; --dim: #5f6368; }
@media (prefers-color-scheme: dark) {
  :root { --cyan: #6fd3d6; --green: #8fd28b; --red: #ff9c92; --yellow: #e8c268; --dim: #9aa0a6; }
}
body { font: 14px/1.5 ui-monospace, monospace; margin: 2rem auto; padding: 0 1rem; max-width: 75rem; }
h1, h2, p, summary { font-family: system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
pre { margin: 0; overflow-x: auto; font: inherit; }
summary { cursor: pointer; color: var(--dim); }
.cyan { color: var(--cyan); } .green { color: var(--green); } .red { color: var(--red); }
.yellow { color: var(--yellow); } .dim { color: var(--dim); } .bold { font-weight: 600; }
`;

export function asHtml({ connections, lost }: Recording, name: string): string {
  const missing = lost > 0 ? `<p>${lost} events are missing: the recorder did not keep up.</p>\n` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(name)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(name)}</h1>
${missing}${connections.map(section).join('')}</body>
</html>
`;
}

function section(connection: RecordedConnection): string {
  const paint = (colour: Colour, text: string): string => `${BEGIN}${colour}${OF}${text}${END}`;
  const view = new TerminalView({ paint, bodyLines: MOST_LINES });
  const lines = connection.events.flatMap((event) => view.event(event).split('\n').slice(0, -1));
  let html = '';
  for (let from = 0; from < lines.length; ) {
    const isContent = CONTENT.test(lines[from]!);
    let to = from + 1;
    while (to < lines.length && CONTENT.test(lines[to]!) === isContent) to++;
    html += block(lines.slice(from, to), isContent);
    from = to;
  }
  return `<section>\n<h2>${escaped(titleOf(connection))}</h2>\n${html}</section>\n`;
}

function block(lines: readonly string[], isContent: boolean): string {
  const text = `<pre>${lines.map(coloured).join('\n')}</pre>\n`;
  if (!isContent || lines.length <= FOLDED) return text;
  return `<details>\n<summary>${lines.length} lines of a content</summary>\n${text}</details>\n`;
}

function coloured(line: string): string {
  return escaped(line).replace(MARKED, (_, colour?: string) => (colour ? `<span class="${colour}">` : '</span>'));
}

function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (c) => names[c]!);
}
