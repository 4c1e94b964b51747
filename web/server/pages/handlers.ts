// Asks the store for what a page shows, and answers with the page.
import { answerPage, answerProblem, NO_MESSAGE } from '../answers.ts';
import type { Handler } from '../context.ts';
import { findMessage, listMessages, readSource } from '../messages.ts';
import { DEFAULT_LIMIT, numberFrom } from '../query.ts';
import { answerFile } from '../static.ts';
import { inboxPage } from './inbox.ts';
import { messagePage } from './message.ts';
import { readerPath } from './reader.ts';
import { hasDeliveries } from './states.ts';

const SHOWN_SOURCE_BYTES = 256 * 1024;

export const inbox: Handler = async (c, { store, smtp, ui }) => {
  const page = ui && (await answerFile(c, ui, '/'));
  if (page) return page;
  const before = numberFrom(c.req.query('before'));
  const [{ messages, older }, counts] = await Promise.all([listMessages(store, DEFAULT_LIMIT, before), store.counts()]);
  const shown = hasDeliveries(counts) ? await Promise.all(messages.map(({ id }) => store.get(id))) : [];
  // The name by which the reader reaches this machine; the guard has let it pass.
  const { hostname } = new URL(c.req.url);
  const isRefreshing = before === undefined && c.req.query('refresh') !== 'off';
  const rows = messages.map((summary, i) => ({ summary, recipients: shown[i]?.recipients }));
  return answerPage(c, inboxPage({ rows, older, counts, smtp, hostname, isFirst: before === undefined, isRefreshing }));
};

export const message: Handler = async (c, web) => {
  const { store, ui } = web;
  const found = await findMessage(store, c.req.param('id') ?? '');
  if (found && ui) return c.redirect(readerPath(web, found.id), 302);
  const source = found && (await readSource(store, found.id, SHOWN_SOURCE_BYTES));
  return source ? answerPage(c, messagePage(found, source)) : answerProblem(c, 404, NO_MESSAGE);
};
