// Mailpit's JSON of a list and of header fields; that of a mail is in relay/inbox/mailpit-shapes.ts.
import type { InboxPage } from '../../../relay/inbox/inbox.ts';
import { summaryShape } from '../../../relay/inbox/mailpit-shapes.ts';
import type { HeaderField } from '../../../relay/inbox/parsed-mail.ts';

export function listShape(page: InboxPage, start: number) {
  const { messages, total, unread, matching, matchingUnread, tags } = page;
  return {
    total,
    unread,
    // From before there was a search; old clients still read it.
    count: messages.length,
    messages_count: matching,
    messages_unread: matchingUnread,
    start,
    tags,
    messages: messages.map(summaryShape),
  };
}

/** `{ 'Message-Id': [...] }`: names as Go writes them, sorted; values as they stand in the mail, unfolded. */
export function headersShape(headers: readonly HeaderField[]): Record<string, string[]> {
  const values = new Map<string, string[]>();
  for (const { name, raw } of headers) {
    const canonical = canonicalName(name);
    const known = values.get(canonical);
    if (known) known.push(raw.trim());
    else values.set(canonical, [raw.trim()]);
  }
  return Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `mime-VERSION` becomes `Mime-Version`; what has bytes that no field name may have stays as it is. */
function canonicalName(name: string): string {
  if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) return name;
  return name.toLowerCase().replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
