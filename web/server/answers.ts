// How refusals and failures are told: one clear line. As a page to a browser that opens one of our pages, else as text.
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Request } from './context.ts';
import type { Markup } from './html.ts';
import { problemPage } from './pages/problem.ts';

export const NO_MESSAGE = 'there is no such message; it may have been deleted';

export function answerProblem(c: Request, status: ContentfulStatusCode, line: string): Response {
  return wantsPage(c) ? answerPage(c, problemPage(status, line), status) : c.text(`${line}\n`, status);
}

export function answerPage(c: Request, page: Markup, status: ContentfulStatusCode = 200): Response {
  return c.html(page.text, status);
}

function wantsPage(c: Request): boolean {
  // The API's clients read its answers: they get the same kind of them whatever they say they accept.
  if (c.req.path.startsWith('/api/')) return false;
  return c.req.header('accept')?.includes('text/html') ?? false;
}
