// The policies under which the content of a mail is shown. It comes from strangers and stands on our own origin: the
// sandbox takes that origin away from it, and only pictures and styles that it brought along are loaded.
import type { Request } from '../context.ts';

/** A part that is opened by itself: an HTML or SVG file shows, and does nothing. */
export const PART_POLICY =
  "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'";

export interface FrameRules {
  /** Where the parts of this mail are; with a slash at its end. */
  readonly parts: string;
  /** Remote pictures, styles and fonts may load. */
  readonly remote: boolean;
  /** The one script that may run: ours. */
  readonly nonce?: string;
}

export function mailPolicy({ parts, remote, nonce }: FrameRules): string {
  const elsewhere = remote ? ' http: https:' : '';
  const popups = 'allow-popups allow-popups-to-escape-sandbox';
  return [
    // Without allow-scripts also `<meta http-equiv=refresh>` does nothing.
    nonce === undefined ? `sandbox ${popups}` : `sandbox ${popups} allow-scripts`,
    "default-src 'none'",
    ...(nonce === undefined ? [] : [`script-src 'nonce-${nonce}'`]),
    // Not 'self': other addresses of ours change something when they are asked.
    `img-src data: ${parts}${elsewhere}`,
    `style-src 'unsafe-inline'${elsewhere}`,
    `font-src data:${elsewhere}`,
    `media-src data: ${parts}${elsewhere}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
  ].join('; ');
}

/** The headers of a mail's HTML beside its policy. */
export const FRAME_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-DNS-Prefetch-Control': 'off',
};

/** `http://host:8025/mail/`, as the reader's browser sees it, also through a proxy. */
export function publicRoot(c: Request, webroot: string): string {
  const { host, protocol } = new URL(c.req.url);
  const forwarded = c.req.header('x-forwarded-host') ?? '';
  // It only ever stands in the reader's own policy; anything but a host could add to that.
  return `${protocol}//${/^[\w.-]+(?::\d+)?$/.test(forwarded) ? forwarded : host}${webroot}`;
}
