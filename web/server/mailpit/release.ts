// POST /api/v1/message/ID/release: passes a stored mail on to people, through the upstream that the server was given.
import type { Handler } from '../context.ts';
import { summaryFor } from '../frame/ask.ts';
import { Fields, readJson } from '../frame/body.ts';
import { Refusal } from '../frame/refusal.ts';

/** Rejects with RELEASE_REFUSED, told as 400. */
export const releaseMessage: Handler = async (c, web) => {
  const { id } = await summaryFor(c, web);
  const to = new Fields(await readJson(c)).texts('To');
  if (!web.release) throw new Refusal(400, 'there is no upstream to release mail to; start the server with --upstream');
  await web.release.release(id, to);
  return c.text('ok');
};
