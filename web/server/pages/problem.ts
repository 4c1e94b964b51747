// The page that says in one line what is wrong, and leads back to the messages.
import { STATUS_CODES } from 'node:http';
import { html, type Markup } from '../html.ts';
import { layout } from './layout.ts';

export function problemPage(status: number, line: string): Markup {
  const name = STATUS_CODES[status] ?? 'Error';
  return layout({
    title: `${name} - lonedot`,
    main: html`<section class="card notice">
<h1>${name}</h1>
<p>${line.charAt(0).toUpperCase()}${line.slice(1)}.</p>
<p><a href="/">All messages</a></p>
</section>`,
  });
}
