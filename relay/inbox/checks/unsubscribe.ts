// What a mail says about unsubscribing: List-Unsubscribe (RFC 2369 3.2) and one-click (RFC 8058).
import type { HeaderField } from '../parsed-mail.ts';

export interface Unsubscribe {
  /** The field as it is; ''. */
  readonly header: string;
  /** Those that can be used. */
  readonly links: readonly string[];
  /** What is wrong, on one line; ''. */
  readonly errors: string;
  /** List-Unsubscribe-Post; ''. */
  readonly headerPost: string;
}

const LINK = /^(?:mailto:[^\s<>]+|https?:\/\/[^\s<>]+)$/i;
const ONE_CLICK = 'List-Unsubscribe=One-Click';
const MAX_SHOWN = 200;

export function unsubscribeOf(headers: readonly HeaderField[]): Unsubscribe {
  const value = (name: string) => headers.find((field) => field.name.toLowerCase() === name)?.value ?? '';
  const header = value('list-unsubscribe');
  const headerPost = value('list-unsubscribe-post');
  const { links, errors } = header === '' ? { links: [], errors: [] } : readLinks(header);
  if (headerPost !== '') errors.push(...postErrors(headerPost, links));
  return { header, links, errors: errors.join(', '), headerPost };
}

function readLinks(header: string): { links: string[]; errors: string[] } {
  const links: string[] = [];
  const errors: string[] = [];
  const value = header.replace(/\([^()]*\)/g, '').trim();
  const items = [...value.matchAll(/<([^<>]*)>/g)];
  if (items.length === 0) return { links, errors: [`${quote(value)} has no link in angle brackets`] };
  // What is left without the links must be commas between them.
  const around = value.replace(/<[^<>]*>/g, '<>').replace(/\s+/g, '');
  if (!/^<>(?:,<>)*$/.test(around)) errors.push(`${quote(value)} has more than links in angle brackets and commas`);
  for (const [, link = ''] of items) {
    const kind = /^mailto:/i.test(link) ? 'mailto: link' : 'HTTP link';
    if (/\s/.test(link)) errors.push(`${quote(link)} has blanks in it`);
    else if (!LINK.test(link) || !URL.canParse(link)) errors.push(`${quote(link)} is no mailto: or http(s):// link`);
    else if (links.some((other) => /^mailto:/i.test(other) === /^mailto:/i.test(link)))
      errors.push(`${quote(link)} is one ${kind} more than clients look at`);
    else links.push(link);
  }
  return { links, errors };
}

function postErrors(post: string, links: readonly string[]): string[] {
  const errors: string[] = [];
  if (post.trim() !== ONE_CLICK) errors.push(`List-Unsubscribe-Post must be ${ONE_CLICK}`);
  if (!links.some((link) => /^https:/i.test(link)))
    errors.push('List-Unsubscribe-Post needs an https:// link in List-Unsubscribe');
  return errors;
}

function quote(text: string): string {
  return `"${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text}"`;
}
