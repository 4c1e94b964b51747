// MailHog's search. `containing` looks at the source as it stands, undecoded: its clients encode what they look for, and
// no index knows that text, so mails are read one after the other, in pieces.
import type { InboxSummary } from '../../../relay/inbox/inbox.ts';
import type { Web } from '../context.ts';

export type SearchKind = 'from' | 'to' | 'containing';

/** Case does not count. */
export async function matchesQuery(web: Web, summary: InboxSummary, kind: SearchKind, query: string): Promise<boolean> {
  const wanted = query.toLowerCase();
  const { sender, from, recipients, to } = summary;
  if (kind === 'from')
    return [sender, ...texts(from ? [from] : [])].some((text) => text.toLowerCase().includes(wanted));
  if (kind === 'to') return [...recipients, ...texts(to)].some((text) => text.toLowerCase().includes(wanted));
  const content = await web.store.content(summary.id);
  return content !== undefined && holds(content, wanted);
}

function texts(mailboxes: InboxSummary['to']): string[] {
  return mailboxes.map(({ name, address }) => `${name} <${address}>`);
}

/** Also across two pieces. As Latin-1, in which a byte is a character: nothing is cut in two. */
async function holds(content: AsyncIterable<Buffer>, wanted: string): Promise<boolean> {
  const bytes = Buffer.from(wanted).toString('latin1');
  let end = '';
  for await (const piece of content) {
    const text = end + lowerAscii(piece.toString('latin1'));
    if (text.includes(bytes)) return true;
    end = text.slice(-bytes.length);
  }
  return false;
}

/** Only ASCII: in Latin-1 the bytes of other characters would be changed as if they were letters. */
function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
