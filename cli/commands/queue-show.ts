// `lonedot queue show` and `why`: all that is known of a message, and why its recipients are where they are.
import {
  type EnvelopeReport,
  headerOf,
  type MessageReport,
  type RecipientReport,
  reportEnvelope,
  reportWhy,
  type WhyReport,
} from '../../relay/queue/queue-report.ts';
import { type QueueEntry, RECIPIENT_STATES, type Store, type StoredMessage } from '../../relay/store/store.ts';
import { type Paint, paintFor } from '../../src/colour.ts';
import { escapeControls } from '../../src/redact.ts';
import { print } from '../output.ts';
import { filterOf, type QueueArguments } from './queue-options.ts';
import { addressText, pauseText, plural, relativeTime, STATE_COLOURS, shortSize, shortTime } from './queue-text.ts';

/** Resolves with whether there was something to show: a message may go between two looks. */
export async function showMessages(store: Store, ids: readonly string[], given: QueueArguments): Promise<number> {
  return eachMessage(store, ids, given, async (entry, message) => {
    const content = await store.content(entry.id);
    const report = reportEnvelope(entry, message, content ? await headerOf(content) : []);
    return given.json ? JSON.stringify(report) : envelopeText(report, Date.now(), paintFor(process.stdout));
  });
}

export async function explainMessages(store: Store, ids: readonly string[], given: QueueArguments): Promise<number> {
  const pauses = await store.pauses(Date.now());
  return eachMessage(store, ids, given, async (entry, message) => {
    const now = Date.now();
    const report = reportWhy(entry, message, pauses, now);
    if (given.json) return JSON.stringify(report);
    const paint = paintFor(process.stdout);
    return [whyText(report, now, paint), ...pauses.map((one) => pauseText(one, now, paint))].join('\n');
  });
}

async function eachMessage(
  store: Store,
  ids: readonly string[],
  given: QueueArguments,
  textOf: (entry: QueueEntry, message: StoredMessage) => Promise<string>,
): Promise<number> {
  let shown = 0;
  for (const id of ids) {
    const filter = { states: RECIPIENT_STATES, ...filterOf(given, Date.now()), ids: [id] };
    const [entry] = await store.queue(filter, 1);
    const message = await store.get(id);
    if (entry === undefined || message === undefined) continue;
    await print(`${shown++ > 0 && !given.json ? '\n' : ''}${await textOf(entry, message)}\n`);
  }
  return shown > 0 ? 0 : 1;
}

function envelopeText(report: EnvelopeReport, now: number, paint: Paint): string {
  const { clientAddress, helo, protocol, tls, authUser, parameters, traits } = report;
  const client = [`${helo} [${clientAddress}]`, protocol, tls, authUser === '' ? '' : `user ${authUser}`];
  const facts: [string, string][] = [
    ['message', report.id],
    ['received', `${shortTime(report.receivedAt)}, ${relativeTime(Date.parse(report.receivedAt), now)}`],
    ['client', client.filter((part) => part !== '').join(', ')],
    ['sender', `${addressText(report.sender)}${parametersText(parameters)}`],
    ['size', sizeText(report.size)],
    ...(traits.length > 0 ? [['needs', traits.join(', ')] as [string, string]] : []),
  ];
  return [
    ...facts.map(([label, text]) => `${paint('dim', label.padEnd(9))} ${escapeControls(text)}`),
    ...report.recipients.map((one) => `${paint('dim', 'recipient')} ${recipientText(one, now, paint)}`),
    '',
    // A tab is how a field is folded, and harmless.
    ...report.header.map((line) => escapeControls(line.replaceAll('\t', '        '))),
  ].join('\n');
}

function sizeText(bytes: number): string {
  const exact = plural(bytes, 'byte');
  return bytes < 1000 ? exact : `${shortSize(bytes)} (${exact})`;
}

function parametersText(parameters: EnvelopeReport['parameters']): string {
  return parameters.map(([keyword, value]) => ` ${keyword}${value === '' ? '' : `=${value}`}`).join('');
}

function recipientText(one: RecipientReport, now: number, paint: Paint): string {
  return `${addressText(one.address)}: ${stateText(one, paint)}, ${plural(one.attempts, 'attempt')}${nextText(one, now)}`;
}

function stateText({ state }: RecipientReport, paint: Paint): string {
  const colour = STATE_COLOURS[state as keyof typeof STATE_COLOURS];
  return colour === undefined ? state : paint(colour, state);
}

function nextText({ nextAttempt, busy }: RecipientReport, now: number): string {
  if (busy || nextAttempt === null) return '';
  const time = Date.parse(nextAttempt);
  return time <= now ? `, due since ${shortTime(nextAttempt)}` : `, next ${relativeTime(time, now)}`;
}

function whyText(report: MessageReport<WhyReport>, now: number, paint: Paint): string {
  const lines = [
    `${report.id}  ${addressText(report.sender)}, ${sizeText(report.size)}, received ${shortTime(report.receivedAt)}`,
  ];
  for (const one of report.recipients) {
    lines.push(
      `${paint('bold', addressText(one.address))}  ${stateText(one, paint)}, route ${one.route}`,
      `  ${paint('dim', 'why ')}  ${one.reason}`,
      ...nextLine(one, now, paint),
    );
    const label = one.history.length > one.attempts ? ', some of them before it was requeued' : '';
    lines.push(
      `  ${paint('dim', 'tried')} ${one.history.length === 0 ? 'not yet' : `${plural(one.history.length, 'time')}${label}`}`,
    );
    for (const { at, upstream, tls, outcome, reply } of one.history) {
      const where = [upstream === '' ? 'no upstream' : upstream, tls === '' ? 'no TLS' : tls];
      lines.push(`    ${shortTime(at)}  ${escapeControls(where.join(', '))}  ${outcome}  ${escapeControls(reply)}`);
    }
  }
  return lines.join('\n');
}

function nextLine({ busy, nextAttempt }: WhyReport, now: number, paint: Paint): string[] {
  if (busy || nextAttempt === null) return [];
  return [`  ${paint('dim', 'next')}  ${shortTime(nextAttempt)}, ${relativeTime(Date.parse(nextAttempt), now)}`];
}
