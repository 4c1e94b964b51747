// The trace line that every server adds (RFC 5321 4.4).

import type { TlsInfo } from '../../src/transport.ts';

export interface Hop {
  readonly helo: string;
  /** The client's IP address; '' for a client on a unix socket. */
  readonly client: string;
  /** Its host name, where somebody told; else ''. */
  readonly clientName: string;
  /** This server's name. */
  readonly by: string;
  /** See protocolName(). */
  readonly protocol: string;
  readonly tls: TlsInfo | null;
  readonly id: string;
  /** The recipient if there is just one that may stand here. */
  readonly recipient: string | null;
  readonly at: Date;
}

/** The protocol of a session as RFC 3848 and RFC 6531 4.3 register it: ESMTP, ESMTPSA, UTF8SMTPS, LMTP ... */
export function protocolName(session: {
  readonly protocol: 'SMTP' | 'ESMTP' | 'LMTP';
  readonly isTls: boolean;
  readonly isLoggedIn: boolean;
  readonly isUtf8: boolean;
}): string {
  const { protocol, isTls, isLoggedIn, isUtf8 } = session;
  if (protocol === 'SMTP') return protocol;
  const base = isUtf8 ? (protocol === 'LMTP' ? 'UTF8LMTP' : 'UTF8SMTP') : protocol;
  return `${base}${isTls ? 'S' : ''}${isLoggedIn ? 'A' : ''}`;
}

let lastMark = { by: '', mark: '' };

/** How the second line of each Received field of ours begins: by it a message that comes round again is known. */
export function ownMark(by: string): string {
  if (lastMark.by !== by) lastMark = { by, mark: `\tby ${clean(by)} (lonedot) ` };
  return lastMark.mark;
}

/** Folded, with CRLF behind it; ASCII whatever the peer said. */
export function receivedHeader(hop: Hop): string {
  const literal = hop.client.includes(':') ? `IPv6:${hop.client}` : hop.client;
  const name = hop.clientName === '' ? '' : `${clean(hop.clientName)} `;
  const client = literal === '' ? '' : ` (${name}[${clean(literal)}])`;
  const forWhom = hop.recipient === null ? '' : `\r\n\tfor <${clean(hop.recipient)}>`;
  // RFC 8314 4.3 gives the cipher a clause of its own.
  const tls = hop.tls === null ? '' : `\r\n\ttls ${clean(hop.tls.cipher)} (${clean(hop.tls.version)})`;
  return (
    `Received: from ${clean(hop.helo) || 'unknown'}${client}\r\n${ownMark(hop.by)}` +
    `with ${hop.protocol} id ${hop.id}${forWhom}${tls};\r\n\t${rfc5322Date(hop.at)}\r\n`
  );
}

function clean(text: string): string {
  return text.replace(/[^!-'*-~]/g, '?').slice(0, 255);
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

let lastDate = { second: Number.NaN, text: '' };

/** `Sun, 22 Nov 2026 09:00:00 +0000` (RFC 5322 3.3), in UTC. Made once a second: a busy server asks thousands of times. */
export function rfc5322Date(at: Date): string {
  const second = Math.floor(at.getTime() / 1000);
  if (lastDate.second !== second) lastDate = { second, text: dateText(at) };
  return lastDate.text;
}

function dateText(at: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${DAYS[at.getUTCDay()]}, ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
  return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}
