// The links of a mail: those one can click in its HTML, and the addresses of the web in its text.
import { scanHtml } from './html-scan.ts';
import type { ParsedMail } from './parsed-mail.ts';

export const MAX_LINKS = 1000;
const MAX_LINK = 8192;
/** Every scheme that has an authority: apps have their own. */
const ABSOLUTE = /^[a-z][a-z0-9+.-]{0,31}:\/\/[^\s]/i;
const IN_TEXT = /\bhttps?:\/\/[^\s<>"`\u00a0]{1,8192}/gi;
/** RFC 3986 appendix C: in angle brackets it may go over several lines. */
const IN_BRACKETS = /<(?:URL:)?(https?:\/\/[^<>"]{1,8192})>/gi;

/** Absolute ones without duplicates: of the HTML in their order, then those that only the text has. */
export function linksOf(mail: ParsedMail): string[] {
  const links = new Set<string>();
  const add = (link: string) => {
    if (links.size < MAX_LINKS) links.add(link);
  };
  if (mail.html !== '') for (const { url, isClicked } of htmlUrls(mail.html)) if (isClicked) add(url);
  for (const link of textLinks(mail.text)) add(link);
  return [...links];
}

/** What a reader can click, and what the HTML loads (pictures, style sheets); http and https only. */
export function checkedUrls(mail: ParsedMail): string[] {
  const urls = new Set<string>();
  if (mail.html !== '') for (const { url } of htmlUrls(mail.html)) urls.add(url);
  for (const link of textLinks(mail.text)) urls.add(link);
  return [...urls].filter((url) => /^https?:\/\//i.test(url)).slice(0, MAX_LINKS);
}

interface HtmlUrl {
  readonly url: string;
  readonly isClicked: boolean;
}

function htmlUrls(html: string): HtmlUrl[] {
  const found: HtmlUrl[] = [];
  const add = (value: string | undefined, isClicked: boolean) => {
    // Browsers take line ends and tabs out of an address.
    const text = (value ?? '').replace(/[\r\n\t]/g, '').trim();
    if (found.length < 2 * MAX_LINKS && text.length <= MAX_LINK && ABSOLUTE.test(text))
      found.push({ url: text, isClicked });
  };
  scanHtml(
    html,
    {
      open(name, attributes) {
        if (name === 'a' || name === 'area') add(attributes.get('href'), true);
        else if (name === 'img') add(attributes.get('src'), false);
        else if (name === 'link' && /\bstylesheet\b/i.test(attributes.get('rel') ?? ''))
          add(attributes.get('href'), false);
      },
    },
    () => found.length >= 2 * MAX_LINKS,
  );
  return found;
}

export function textLinks(text: string): string[] {
  const found: { readonly at: number; readonly link: string }[] = [];
  const inBrackets: [from: number, to: number][] = [];
  for (const match of text.matchAll(IN_BRACKETS)) {
    inBrackets.push([match.index, match.index + match[0].length]);
    found.push({ at: match.index, link: match[1]!.replace(/\s+/g, '') });
    if (found.length >= MAX_LINKS) break;
  }
  let bracket = 0;
  for (const match of text.matchAll(IN_TEXT)) {
    while (bracket < inBrackets.length && inBrackets[bracket]![1] <= match.index) bracket++;
    if (bracket < inBrackets.length && inBrackets[bracket]![0] <= match.index) continue;
    found.push({ at: match.index, link: withoutTail(match[0]) });
    if (found.length >= 2 * MAX_LINKS) break;
  }
  return found.sort((a, b) => a.at - b.at).map(({ link }) => link);
}

/** The signs that end the sentence are none of the link's, and a parenthesis only if it was opened in it. */
function withoutTail(link: string): string {
  let end = link.length;
  for (; end > 0; end--) {
    const last = link[end - 1]!;
    if (".,;:!?'*_~|".includes(last)) continue;
    const opening = { ')': '(', ']': '[', '}': '{' }[last];
    if (opening === undefined || count(link, opening, end) >= count(link, last, end)) break;
  }
  return link.slice(0, end);
}

function count(text: string, char: string, end: number): number {
  let found = 0;
  for (let i = 0; i < end; i++) if (text[i] === char) found++;
  return found;
}
