// A report as a mail: multipart/report (RFC 6522) of a text for people, a part for programs (RFC 3464), and what comes
// back of the message. Formats only; what is reported to whom is decided in notice.ts.
import { isIP } from 'node:net';
import { rfc5322Date } from '../smtp/received.ts';
import type { OriginalPart } from './notice-original.ts';
import { asciiLine, fold, isAscii, oneLine, quotedPrintable } from './notice-text.ts';

export type ReportAction = 'failed' | 'delayed' | 'relayed';

export interface ReportedRecipient {
  readonly address: string;
  /** ORCPT decoded, with its address type: `rfc822;b@x.example`; null when there was none. */
  readonly original: string | null;
  /** RFC 3463: 5.1.1. */
  readonly status: string;
  /** What was said, or what happened. */
  readonly said: string;
  /** Who said it; '' when it happened here. */
  readonly host: string;
  /** One sentence for people: why there will be no other attempt, and the like; '' for none. */
  readonly remark: string;
  readonly attemptedAt: number | null;
}

export interface Report {
  readonly action: ReportAction;
  readonly id: string;
  readonly hostname: string;
  /** The address that the report comes from. */
  readonly from: string;
  readonly to: string;
  readonly at: number;
  /** When the message was received, and until when it will be tried (delayed only). */
  readonly arrivedAt: number;
  readonly retryUntil: number | null;
  /** ENVID decoded. */
  readonly envelopeId: string | null;
  /** The Message-ID that it is about, with its brackets. */
  readonly about: string | null;
  readonly recipients: readonly ReportedRecipient[];
}

export interface FormattedReport {
  readonly content: Buffer;
  readonly isEightBit: boolean;
  /** Its header holds UTF-8: an address that cannot be written otherwise. */
  readonly isUtf8: boolean;
}

const SUBJECTS: Readonly<Record<ReportAction, string>> = {
  failed: 'Your mail could not be delivered',
  delayed: 'Your mail is delayed',
  relayed: 'Your mail was passed on',
};

const INTRODUCTIONS: Readonly<Record<ReportAction, string>> = {
  failed: 'Your mail could not be delivered to the recipients below, and it will not be tried again.',
  delayed:
    'Your mail has not been delivered to the recipients below yet. There is nothing you need to do: it is tried again until',
  relayed:
    'Your mail was passed on for the recipients below, to a server that sends no confirmations. If no error is reported, you may take it as delivered.',
};

/** The parts without the original: `original()` is given how many bytes are left for it. */
export function formatReport(
  report: Report,
  limit: number,
  original: (room: number) => OriginalPart | null,
): FormattedReport {
  const boundary = `=_${report.id}`;
  const head = header(report, boundary);
  const parts = [textPart(report), statusPart(report)].map((part) => `--${boundary}\r\n${part}\r\n`).join('');
  const used = Buffer.byteLength(head) + parts.length + 4 * boundary.length + 200;
  const last = original(Math.max(0, limit - used));
  const pieces: Buffer[] = [Buffer.from(head), Buffer.from(parts, 'latin1')];
  if (last) {
    pieces.push(Buffer.from(`--${boundary}\r\n${last.fields.join('\r\n')}\r\n\r\n`, 'latin1'), last.body);
    pieces.push(Buffer.from('\r\n'));
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`, 'latin1'));
  if (last?.isEightBit)
    pieces[0] = Buffer.from(head.replace(/\r\n\r\n$/, '\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'));
  return { content: Buffer.concat(pieces), isEightBit: last?.isEightBit ?? false, isUtf8: !isAscii(head) };
}

function header(report: Report, boundary: string): string {
  const { action, id, hostname, from, to, at, about } = report;
  const lines = [
    `Date: ${rfc5322Date(new Date(at))}`,
    `From: Mail Delivery System <${oneLine(from)}>`,
    `To: <${oneLine(to)}>`,
    `Subject: ${SUBJECTS[action]}`,
    `Message-ID: <${id}@${messageIdDomain(hostname)}>`,
    ...(about === null ? [] : [`In-Reply-To: ${about}`, `References: ${about}`]),
    // RFC 3834 5.2: whoever answers mail by itself does not answer this.
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A name as it may stand behind the @ of a Message-ID. */
function messageIdDomain(hostname: string): string {
  return isIP(hostname) ? `[${hostname}]` : asciiLine(hostname);
}

function textPart(report: Report): string {
  const { action, hostname, arrivedAt, retryUntil, recipients } = report;
  const until = action === 'delayed' && retryUntil !== null ? `\r\n${rfc5322Date(new Date(retryUntil))}.` : '';
  const lines = [
    `This is the mail server ${oneLine(hostname)}.`,
    '',
    fold(INTRODUCTIONS[action], '') + until,
    '',
    `It was received here on ${rfc5322Date(new Date(arrivedAt))}.`,
    '',
    ...recipients.flatMap(forPeople),
  ];
  const text = `${lines.join('\r\n')}`;
  if (isAscii(text)) return `Content-Type: text/plain; charset=us-ascii\r\n\r\n${text}`;
  const body = quotedPrintable(Buffer.from(text));
  return `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${body}`;
}

function forPeople({ address, said, host, remark }: ReportedRecipient): string[] {
  const from = host === '' ? '' : `${oneLine(host)} said: `;
  const what = fold(`    ${from}${oneLine(said)}`, '    ');
  return [`<${oneLine(address)}>`, what, ...(remark === '' ? [] : [fold(`    ${remark}`, '    ')]), ''];
}

function statusPart(report: Report): string {
  const { hostname, envelopeId, arrivedAt, recipients } = report;
  const isGlobal = !recipients.every(({ address, original }) => isAscii(address + (original ?? '')));
  const clean = isGlobal ? oneLine : asciiLine;
  const field = (name: string, value: string): string => fold(`${name}: ${clean(value)}`);
  const groups = [
    [
      field('Reporting-MTA', `dns; ${hostname}`),
      ...(envelopeId === null ? [] : [field('Original-Envelope-Id', envelopeId)]),
      field('Arrival-Date', rfc5322Date(new Date(arrivedAt))),
    ],
    ...recipients.map((one) => recipientFields(report, one, isGlobal, field)),
  ];
  const body = `${groups.map((lines) => lines.join('\r\n')).join('\r\n\r\n')}\r\n`;
  if (!isGlobal) return `Content-Type: message/delivery-status\r\n\r\n${body}`;
  const fields = 'Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: quoted-printable';
  return `${fields}\r\n\r\n${quotedPrintable(Buffer.from(body))}`;
}

function recipientFields(
  { action, retryUntil }: Report,
  one: ReportedRecipient,
  isGlobal: boolean,
  field: (name: string, value: string) => string,
): string[] {
  const { address, original, status, said, host, attemptedAt } = one;
  const isFromHost = host !== '';
  const lines = [
    ...(original === null ? [] : [field('Original-Recipient', original.replace(';', '; '))]),
    field('Final-Recipient', `${isGlobal && !isAscii(address) ? 'utf-8' : 'rfc822'}; ${address}`),
    field('Action', action),
    field('Status', status),
  ];
  // The path of a unix socket is no name that anybody knows elsewhere.
  if (isFromHost && !host.startsWith('/')) lines.push(field('Remote-MTA', `dns; ${isIP(host) ? `[${host}]` : host}`));
  if (said !== '') lines.push(field('Diagnostic-Code', `${isFromHost ? 'smtp' : 'x-lonedot'}; ${said}`));
  if (attemptedAt !== null) lines.push(field('Last-Attempt-Date', rfc5322Date(new Date(attemptedAt))));
  if (action === 'delayed' && retryUntil !== null)
    lines.push(field('Will-Retry-Until', rfc5322Date(new Date(retryUntil))));
  return lines;
}
