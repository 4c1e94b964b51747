// Mailpit's checks of one mail: how well mail programs show its HTML, whether its links lead somewhere, and what
// SpamAssassin thinks of it.
import type { Handler } from '../context.ts';
import { inboxOf, messageFor, NOT_FOUND, summaryFor } from '../frame/ask.ts';
import { Refusal } from '../frame/refusal.ts';
import { readSource } from '../messages.ts';

const ANYWHERE = ['0.0.0.0/0', '::/0'];

export const htmlCheck: Handler = async (c, web) => {
  const { mail } = await messageFor(c, web);
  if (mail.html === '') throw new Refusal(400, 'message does not contain HTML');
  const { checkHtml, htmlCheckJson } = await import('../../../relay/inbox/checks/html-check.ts');
  return c.json(htmlCheckJson(checkHtml(mail.html)));
};

/** Marks it read. Ends with the client, and with the server. */
export const linkCheck: Handler = async (c, web) => {
  const { mail, summary } = await messageFor(c, web);
  const [{ checkLinks, linkCheckJson }, { checkedUrls }] = await Promise.all([
    import('../../../relay/inbox/checks/link-check.ts'),
    import('../../../relay/inbox/links.ts'),
  ]);
  await inboxOf(web).setRead({ ids: [summary.id] }, true);
  const follow = /^(?:1|true)$/i.test(c.req.query('follow') ?? '');
  const signal = AbortSignal.any([c.req.raw.signal, web.stopping]);
  const allowed = web.options.allowInternalHttpRequests ? ANYWHERE : [];
  return c.json(linkCheckJson(await checkLinks(checkedUrls(mail), { follow, signal, allowed })));
};

/** There only where SpamAssassin is. */
export const spamCheck: Handler = async (c, web) => {
  const address = web.options.enableSpamassassin;
  if (address === undefined) throw new Refusal(404, NOT_FOUND);
  const { id, size } = await summaryFor(c, web);
  const source = await readSource(web.store, id, size);
  if (!source) throw new Refusal(404, NOT_FOUND);
  const { checkSpam, spamCheckJson } = await import('../../../relay/inbox/checks/spamassassin.ts');
  return c.json(spamCheckJson(await checkSpam(source.bytes, { address })));
};
