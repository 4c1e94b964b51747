// Mailpit's routes for one mail: as JSON, its headers, its parts.

import { messageShape } from '../../../relay/inbox/mailpit-shapes.ts';
import type { Handler } from '../context.ts';
import { inboxOf, messageFor, NOT_FOUND, summaryFor } from '../frame/ask.ts';
import { PART_POLICY } from '../frame/mail-policy.ts';
import { Refusal } from '../frame/refusal.ts';
import { headersShape } from './shapes.ts';
import { BLANK_THUMBNAIL } from './thumbnail.ts';

/** As IMAP numbers them. */
const PART_ID = /^\d{1,9}(?:\.\d{1,9}){0,99}$/;
/** What browsers show as a picture, small as well as large. */
const SHOWN_IMAGES = /^image\/(?:jpeg|png|gif|webp|avif|bmp)$/;

/** Marks it read. */
export const getMessage: Handler = async (c, web) => {
  const message = await messageFor(c, web);
  const { unsubscribeOf } = await import('../../../relay/inbox/checks/unsubscribe.ts');
  const shape = messageShape(message, unsubscribeOf(message.mail.headers));
  await inboxOf(web).setRead({ ids: [message.summary.id] }, true);
  return c.json(shape);
};

export const getHeaders: Handler = async (c, web) => {
  const { mail } = await messageFor(c, web);
  return c.json(headersShape(mail.headers));
};

export const getPart: Handler = async (c, web) => {
  const { fileName, contentId, contentType, bytes } = await partFor(c, web);
  return c.body(bytes as Uint8Array<ArrayBuffer>, 200, {
    'Content-Type': contentType,
    'Content-Disposition': `inline; filename="${pathEscape(fileName || contentId)}"`,
    'Content-Length': String(bytes.length),
    // Shown inside of the mail's frame, which has no origin.
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Content-Security-Policy': PART_POLICY,
  });
};

/** A picture is its own thumbnail, which a browser makes as small as it likes; anything else gets a blank one. */
export const getThumbnail: Handler = async (c, web) => {
  const { contentType, bytes } = await partFor(c, web);
  const isShown = SHOWN_IMAGES.test(contentType);
  return c.body((isShown ? bytes : BLANK_THUMBNAIL) as Uint8Array<ArrayBuffer>, 200, {
    'Content-Type': isShown ? contentType : 'image/jpeg',
    'Content-Security-Policy': PART_POLICY,
  });
};

async function partFor(...[c, web]: Parameters<Handler>) {
  const { id } = await summaryFor(c, web);
  const partId = c.req.param('partId') ?? '';
  const part = PART_ID.test(partId) ? await inboxOf(web).part(id, partId) : undefined;
  if (!part) throw new Refusal(404, NOT_FOUND);
  return part;
}

/** As Go escapes one segment of a path: nothing is left that could end the quotes or the header. */
function pathEscape(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString())
    .replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll(/%(?:24|26|2B|3A|3D|40)/g, decodeURIComponent);
}
