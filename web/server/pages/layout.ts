// What all pages have in common: the head, the name, the frame.
import { html, type Markup, markup, type Part } from '../html.ts';
import { STYLE } from './style.ts';

export interface Page {
  readonly title: string;
  readonly main: Markup;
  /** Stands beside the name. */
  readonly aside?: Part;
  /** Loads itself again after so many seconds. */
  readonly refreshSeconds?: number | undefined;
}

/** A line, and the one dot on it. */
const ICON = markup(
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
    "%3Crect width='16' height='16' rx='4' fill='%230b57d0'/%3E" +
    "%3Ccircle cx='8' cy='8' r='3' fill='%23fff'/%3E%3C/svg%3E",
);

const STYLE_ELEMENT = markup(`<style>${STYLE}</style>`);

export function layout({ title, main, aside = '', refreshSeconds }: Page): Markup {
  const refresh = refreshSeconds === undefined ? '' : html`<meta http-equiv="refresh" content="${refreshSeconds}">`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${refresh}
<title>${title}</title>
<link rel="icon" href="${ICON}">
${STYLE_ELEMENT}
</head>
<body>
<header>
<a class="name" href="/"><span class="dot" aria-hidden="true"></span>lonedot</a>
<div class="aside">${aside}</div>
</header>
<main>
${main}
</main>
</body>
</html>
`;
}
