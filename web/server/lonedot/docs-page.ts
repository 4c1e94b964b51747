// The page on which our own API can be tried: a form for each operation. Everything stands inside of it; its script is
// let in by its hash.
import { html, type Markup, markup } from '../html.ts';
import { type Operation, QUERY_TEXTS } from './operations.ts';

export const DOCS_SCRIPT = `
for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const output = form.querySelector('output');
    const query = new URLSearchParams();
    let path = form.dataset.path;
    for (const { name, value, dataset } of form.querySelectorAll('input')) {
      if (dataset.in === 'path') path = path.replace(':' + name, encodeURIComponent(value));
      else if (value !== '') query.append(name, value);
    }
    const body = form.querySelector('textarea')?.value ?? '';
    const init = { method: form.dataset.method };
    if (body !== '') Object.assign(init, { body, headers: { 'Content-Type': 'application/json' } });
    const url = path + (query.size > 0 ? '?' + query : '');
    output.textContent = init.method + ' ' + url + ' ...';
    try {
      const answer = await fetch(url, init);
      const text = await answer.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch {}
      output.textContent = init.method + ' ' + url + '\\n' + answer.status + ' ' + answer.statusText + '\\n\\n' + shown;
    } catch (error) {
      output.textContent = String(error);
    }
  });
}
`;

export const DOCS_STYLE = `
body { max-width: 60rem; margin: 0 auto; padding: 1rem; font: 0.9375rem/1.5 system-ui, sans-serif; color-scheme: light dark; }
details { border: 1px solid #8886; border-radius: 6px; margin: 0.5rem 0; padding: 0.5rem 0.75rem; }
summary { cursor: pointer; }
code, output, textarea { font: 0.8125rem/1.5 ui-monospace, monospace; }
label { display: grid; grid-template-columns: 8rem 1fr; gap: 0.5rem; margin: 0.375rem 0; }
small { grid-column: 2; }
textarea { width: 100%; min-height: 5rem; box-sizing: border-box; }
output { display: block; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 30rem; overflow: auto; }
`;

export function docsPage(operations: Readonly<Record<string, Operation>>, base: string): Markup {
  const forms = Object.entries(operations).map(([name, operation]) => form(name, operation, base));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>lonedot: the API</title>
<link rel="icon" href="data:,">
${markup(`<style>${DOCS_STYLE}</style>`)}
</head>
<body>
<h1>The API of lonedot</h1>
<p>Below <code>${base}</code>; <a href="${base}/openapi.json">as OpenAPI 3.1</a>. Mailpit's and MailHog's routes are
documented in docs/api.md.</p>
${forms}
${markup(`<script>${DOCS_SCRIPT}</script>`)}
</body>
</html>
`;
}

function form(name: string, { summary, query = [], body }: Operation, base: string): Markup {
  const [method = '', path = ''] = name.split(' ');
  const names = [...path.matchAll(/:(\w+)/g)].map(([, one]) => one!);
  return html`<details>
<summary><code>${method} ${path}</code> ${summary}</summary>
<form data-method="${method}" data-path="${base}${path}">
${names.map((one) => html`<label>${one} <input name="${one}" data-in="path" required></label>\n`)}
${query.map((one) => html`<label>${one} <input name="${one}"><small>${QUERY_TEXTS[one]}</small></label>\n`)}
${body ? markup('<label>body <textarea aria-label="body">{}</textarea></label>') : ''}
<p><button>Send</button></p>
<output></output>
</form>
</details>
`;
}
