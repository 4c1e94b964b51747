// The list of messages, newest first. It is told by the envelope, not by headers: nothing is parsed for it.
import type { Counts, MessageSummary, StoredRecipient } from '../../../relay/store/store.ts';
import { html, type Markup, type Part } from '../html.ts';
import { firstMail } from './first-mail.ts';
import { addressElement, addressText, formatCount, formatSize, formatTime, formatZone, timeElement } from './format.ts';
import { layout } from './layout.ts';
import { hasDeliveries, stateBadges, totalBadges } from './states.ts';

export interface InboxRow {
  readonly summary: MessageSummary;
  /** With their states, where there are any to tell. */
  readonly recipients: readonly StoredRecipient[] | undefined;
}

export interface Inbox {
  readonly rows: readonly InboxRow[];
  readonly older: number | null;
  readonly counts: Counts;
  readonly smtp: readonly string[];
  /** By which the reader called this server. */
  readonly hostname: string;
  readonly isFirst: boolean;
  readonly isRefreshing: boolean;
}

export const REFRESH_SECONDS = 5;
/** Of a message to many, in the list. */
const SHOWN_RECIPIENTS = 3;

export function inboxPage(inbox: Inbox): Markup {
  const { rows, counts, isFirst, isRefreshing, smtp, hostname } = inbox;
  const total = formatCount(counts.messages, 'message', 'messages');
  return layout({
    title: `${total} - lonedot`,
    aside: isFirst ? refreshControl(isRefreshing) : '',
    refreshSeconds: isRefreshing ? REFRESH_SECONDS : undefined,
    main:
      rows.length === 0 && isFirst
        ? firstMail(smtp, hostname)
        : html`<div class="heading"><h1>${total}</h1><div class="totals">${totalBadges(counts)}</div></div>
${rows.length === 0 ? html`<p class="card notice">There are no older messages.</p>` : table(inbox)}
${pager(inbox)}`,
  });
}

/** WCAG 2.2.2: what moves by itself can be stopped. */
function refreshControl(isRefreshing: boolean): Markup {
  return isRefreshing
    ? html`Refreshes every ${REFRESH_SECONDS} s <a class="button" href="/?refresh=off">Pause</a>`
    : html`Not refreshing <a class="button" href="/">Resume</a>`;
}

// The roles are the elements' own: browsers drop them where the layout for narrow screens makes them no table any more.
function table({ rows, counts }: Inbox): Markup {
  const states = hasDeliveries(counts) ? html`<th role="columnheader" scope="col">State</th>` : '';
  const layout = states === '' ? '' : 'with-states';
  return html`<table class="card inbox ${layout}" role="table" aria-label="Messages, newest first">
<thead role="rowgroup"><tr role="row">
<th role="columnheader" scope="col">From</th>
<th role="columnheader" scope="col">To</th>
${states}
<th role="columnheader" scope="col">Received <span class="dim">(${formatZone(Date.now())})</span></th>
<th role="columnheader" scope="col" class="number">Size</th>
<th role="columnheader" scope="col">Source</th>
</tr></thead>
<tbody role="rowgroup">
${rows.map((row) => tableRow(row, states !== ''))}
</tbody>
</table>`;
}

function tableRow({ summary, recipients }: InboxRow, withStates: boolean): Markup {
  const { id, sender, receivedAt, size } = summary;
  const about = `message from ${addressText(sender)}, received ${formatTime(receivedAt)}`;
  // A message can be deleted between the two questions: then it has no states any more.
  const states = withStates ? html`<td role="cell" class="states">${stateBadges(recipients ?? [])}</td>` : '';
  const open = html`class="open" href="/message/${id}" aria-label="Open the ${about}"`;
  return html`<tr role="row">
<td role="cell" class="from"><a ${open}>${addressElement(sender)}</a></td>
<td role="cell" class="to">${recipientList(summary.recipients)}</td>
${states}
<td role="cell" class="when">${timeElement(receivedAt)}</td>
<td role="cell" class="number size">${formatSize(size)}</td>
<td role="cell" class="source"><a href="/api/v1/message/${id}/raw" aria-label="Source of the ${about}">Source</a></td>
</tr>
`;
}

function recipientList(recipients: readonly string[]): Part {
  const shown = recipients.slice(0, SHOWN_RECIPIENTS).map((address, i) => [i > 0 ? ', ' : '', addressElement(address)]);
  const more = recipients.length - shown.length;
  return [shown, more > 0 ? html` <span class="dim">and ${more} more</span>` : ''];
}

function pager({ older, isFirst }: Inbox): Part {
  if (isFirst && older === null) return '';
  return html`<nav class="pager" aria-label="Pages">
${isFirst ? '' : html`<a class="button" href="/">Newest</a>`}
${older === null ? '' : html`<a class="button" rel="next" href="/?before=${older}">Older</a>`}
</nav>`;
}
