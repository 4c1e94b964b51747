// The headers that every answer carries. Mail is content from strangers: nothing of it may run, be framed, be embedded
// by another site, or be kept by a cache.
import { createHash } from 'node:crypto';
import { STYLE } from './pages/style.ts';

/** The one style that pages have stands inside them; its hash lets it pass and nothing that a mail brings along. */
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_HASH}'`,
  // The icon in the pages' head.
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};
