// How refusals and failures are told: one clear line. As a page to a browser that opens one of our pages, as JSON by our
// own API, else as text.
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Request } from './context.ts';
import type { Markup } from './html.ts';
import { problemPage } from './pages/problem.ts';

export const NO_MESSAGE = 'there is no such message; it may have been deleted';

export function answerProblem(c: Request, status: ContentfulStatusCode, line: string): Response {
  const { path } = c.req;
  if (path.startsWith('/api/lonedot/')) return c.json({ error: line }, status);
  // Mailpit's own texts end without a line end, and tests compare them.
  if (path.startsWith('/api/') || path.startsWith('/view/')) return c.text(line, status);
  return wantsPage(c) ? answerPage(c, problemPage(status, line), status) : c.text(`${line}\n`, status);
}

export function answerPage(c: Request, page: Markup, status: ContentfulStatusCode = 200): Response {
  // Pages link from the root; behind a base path that is further down. No value in a page can hold a bare quote.
  return c.html(page.text.replaceAll('href="/', `href="${c.get('webroot')}`), status);
}

function wantsPage(c: Request): boolean {
  return c.req.header('accept')?.includes('text/html') ?? false;
}
