// Mailpit's pages of one mail for tests in browsers: its HTML, its text, and the way to the page of the newest mail.
import { randomBytes } from 'node:crypto';
import type { ParsedMail } from '../../../relay/inbox/parsed-mail.ts';
import type { Handler, Request, Web } from '../context.ts';
import { inboxOf, MESSAGE_NOT_FOUND, messageFor, NOT_FOUND, summaryFor } from '../frame/ask.ts';
import { FRAME_HEADERS, mailPolicy, publicRoot } from '../frame/mail-policy.ts';
import { isRefusal, Refusal } from '../frame/refusal.ts';
import { readerPath } from '../pages/reader.ts';

const NO_HTML = 'This message does not contain a HTML part';

/** `/view/ID.html`, `/view/ID.txt`, and `/view/ID`, which is the page of that mail. */
export const viewMessage: Handler = async (c, web) => {
  const [, id = '', kind] = /^(.+?)(?:\.(html|txt))?$/.exec(c.req.param('file') ?? '') ?? [];
  if (kind === undefined) return c.redirect(readerPath(web, (await named(c, web, id)).id), 302);
  const { mail, summary } = await found(c, web, id);
  await inboxOf(web).setRead({ ids: [summary.id] }, true);
  if (kind === 'txt') return c.text(mail.text);
  if (mail.html === '') throw new Refusal(404, NO_HTML);
  return answerHtml(c, web, summary.id, mail, c.req.query('embed') === '1');
};

/** Our own route for the frame in which the page shows it. Marks nothing. */
export const frameMessage: Handler = async (c, web) => {
  const { mail, summary } = await messageFor(c, web);
  if (mail.html === '') throw new Refusal(404, 'this message has no HTML');
  const framed = { ...mail, html: withBase(mail.html) };
  return answerHtml(c, web, summary.id, framed, false);
};

async function answerHtml(c: Request, web: Web, id: string, mail: ParsedMail, embed: boolean): Promise<Response> {
  const root = publicRoot(c, web.options.webroot);
  const path = `api/v1/message/${id}/part/`;
  const remote = c.req.query('remote') === '1';
  const nonce = embed ? { nonce: randomBytes(16).toString('base64') } : {};
  const html = withParts({ ...mail, html: withoutFrames(mail.html) }, `${web.options.webroot}${path}`);
  const { embedded } = embed ? await import('./embed.ts') : { embedded: null };
  return c.body(embedded ? embedded(html, nonce.nonce!) : html, 200, {
    ...FRAME_HEADERS,
    'Content-Security-Policy': mailPolicy({ parts: root + path, remote, ...nonce }),
  });
}

/** `cid:` and the id of a part becomes the address of that part (RFC 2392). */
function withParts({ html, inline, attachments }: ParsedMail, base: string): string {
  const addresses = new Map<string, string>();
  for (const { contentId, partId } of [...attachments, ...inline]) {
    if (contentId !== '') addresses.set(contentId.toLowerCase(), base + partId);
  }
  if (addresses.size === 0) return html;
  return html.replaceAll(/cid:([^\s"'<>();]{1,500})/gi, (whole, id: string) => {
    return addresses.get(decoded(id).toLowerCase()) ?? whole;
  });
}

/**
 * The policy stops a frame in the frame, but Chromium connects to its server before it asks the policy: whoever sent the
 * mail would know that it is read. So the names of such elements are changed, wherever they stand.
 */
function withoutFrames(html: string): string {
  return html.replaceAll(/<(\/?)(i?frame)(?=[\s/>])/gi, '<$1no-$2');
}

/** Links open beside the page: the frame has no room for them. In the head, or the mail's `<!DOCTYPE>` would not count. */
function withBase(html: string): string {
  const [opening = ''] = /^\s*(?:<!doctype[^>]*>\s*)?(?:<html[^>]*>\s*)?(?:<head[^>]*>)?/i.exec(html) ?? [];
  return `${opening}<base target="_blank">${html.slice(opening.length)}`;
}

async function named(c: Request, web: Web, id: string) {
  return told(() => summaryFor(c, web, id));
}

async function found(c: Request, web: Web, id: string) {
  return told(() => messageFor(c, web, id));
}

/** Mailpit has other words here than in its API. */
async function told<T>(find: () => Promise<T>): Promise<T> {
  try {
    return await find();
  } catch (error) {
    if (isRefusal(error) && error.message === NOT_FOUND) throw new Refusal(404, MESSAGE_NOT_FOUND);
    throw error;
  }
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id.replaceAll('&amp;', '&'));
  } catch {
    return id;
  }
}
