// One message: its envelope, what became of each recipient, and its source as text.
import type { Attempt, StoredMessage, StoredRecipient } from '../../../relay/store/store.ts';
import { escapeControls } from '../../../src/redact.ts';
import { html, type Markup, type Part } from '../html.ts';
import type { SourceStart } from '../messages.ts';
import {
  addressElement,
  addressText,
  formatCount,
  formatSize,
  formatZone,
  parametersText,
  sourceText,
  timeElement,
} from './format.ts';
import { layout } from './layout.ts';
import { stateBadge } from './states.ts';

/** A page must stay one that a browser can show: the JSON has all of them. */
const SHOWN_RECIPIENTS = 200;
const SHOWN_ATTEMPTS = 10;

export function messagePage(message: StoredMessage, source: SourceStart): Markup {
  const from = message.sender === '' ? 'the null sender' : addressText(message.sender);
  return layout({
    title: `Message from ${from} - lonedot`,
    aside: html`<a href="/">All messages</a>`,
    main: html`<h1>Message from <bdi>${from}</bdi></h1>
${envelope(message)}
${recipients(message)}
${sourceSection(message, source)}`,
  });
}

function envelope(message: StoredMessage): Markup {
  const { receivedAt, clientAddress, tls, authUser } = message;
  const facts: readonly (readonly [label: string, value: Part])[] = [
    ['From', [addressElement(message.sender), parameterNote(message)]],
    ['Received', html`${timeElement(receivedAt)} <span class="dim">${formatZone(receivedAt)}</span>`],
    ['Client', clientAddress === '' ? 'a unix socket' : escapeControls(clientAddress)],
    ['HELO', escapeControls(message.helo)],
    ['Protocol', [escapeControls(message.protocol), ', ', tls === '' ? 'without TLS' : escapeControls(tls)]],
    ['User', escapeControls(authUser)],
    ['Size', size(message.size)],
    ['Id', html`<code>${message.id}</code>`],
  ];
  return html`<section class="card" aria-labelledby="envelope">
<h2 id="envelope">Envelope</h2>
<dl>
${facts.map(([label, value]) => (value === '' ? '' : html`<div><dt>${label}</dt><dd>${value}</dd></div>\n`))}</dl>
</section>`;
}

function size(bytes: number): string {
  return bytes < 1024
    ? formatCount(bytes, 'byte', 'bytes')
    : `${formatSize(bytes)} (${formatCount(bytes, 'byte', 'bytes')})`;
}

function parameterNote({ parameters }: Pick<StoredMessage, 'parameters'>): Part {
  return parameters.length === 0 ? '' : html` <span class="dim">${parametersText(parameters)}</span>`;
}

function recipients(message: StoredMessage): Markup {
  const shown = message.recipients.slice(0, SHOWN_RECIPIENTS);
  const hidden = message.recipients.length - shown.length;
  return html`<section class="card" aria-labelledby="recipients">
<h2 id="recipients">${formatCount(message.recipients.length, 'recipient', 'recipients')}</h2>
<ul class="recipients">
${shown.map((one) => recipient(message.id, one))}</ul>
${hidden > 0 ? html`<p class="dim">${hidden} more are in the ${json(message.id)}.</p>` : ''}
</section>`;
}

function recipient(id: string, one: StoredRecipient): Markup {
  const { attempts, nextAttempt, state } = one;
  const next = nextAttempt === null ? '' : html` <span class="dim">next attempt ${timeElement(nextAttempt)}</span>`;
  return html`<li>
<p>${addressElement(one.address)} ${stateBadge(state)}${next}${parameterNote(one)}</p>
${attempts.length === 0 ? '' : attemptList(id, attempts)}
</li>
`;
}

function attemptList(id: string, attempts: readonly Attempt[]): Markup {
  const hidden = Math.max(0, attempts.length - SHOWN_ATTEMPTS);
  const earlier = formatCount(hidden, 'earlier attempt is', 'earlier attempts are');
  return html`${hidden > 0 ? html`<p class="dim">${earlier} in the ${json(id)}.</p>` : ''}
<ol class="attempts" start="${hidden + 1}" aria-label="Attempts">
${attempts.slice(hidden).map(attempt)}</ol>`;
}

function attempt({ at, upstream, tls, reply, outcome }: Attempt): Markup {
  const over = tls === '' ? '' : ` (${escapeControls(tls)})`;
  return html`<li>${timeElement(at)} ${escapeControls(upstream)}${over}: ${outcome}
<br><samp>${escapeControls(reply)}</samp></li>
`;
}

function json(id: string): Markup {
  return html`<a href="/api/lonedot/v1/messages/${id}">JSON</a>`;
}

function sourceSection({ id, size }: StoredMessage, { bytes, isWhole }: SourceStart): Markup {
  const raw = `/api/v1/message/${id}/raw`;
  const part = `The first ${formatSize(bytes.length)} of ${formatSize(size)}`;
  const cut = isWhole ? '' : html`<p class="dim">${part}: <a href="${raw}">the whole source</a>.</p>`;
  // The parser drops one line end behind <pre>: without ours it would be one of the mail's.
  return html`<section class="card" aria-labelledby="source">
<div class="heading"><h2 id="source">Source</h2>
<p class="links"><a href="${raw}">Raw</a> <a href="${raw}?dl=1">Download</a> ${json(id)}</p></div>
${cut}
<pre class="source" tabindex="0" role="region" aria-labelledby="source">
${sourceText(bytes, isWhole)}</pre>
</section>`;
}
