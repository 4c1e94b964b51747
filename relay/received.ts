// The trace line that every server adds (RFC 5321 4.4), and the count of those that are there already.

export interface Hop {
  readonly helo: string;
  /** The client's IP address; '' for a client on a unix socket. */
  readonly client: string;
  /** This server's name. */
  readonly by: string;
  /** SMTP, ESMTP ... (RFC 3848). */
  readonly protocol: string;
  readonly id: string;
  /** The recipient if there is just one: several would tell each of the others. */
  readonly recipient: string | null;
  readonly at: Date;
}

/** Folded, with CRLF behind it; ASCII whatever the peer said. */
export function receivedHeader(hop: Hop): string {
  const literal = hop.client.includes(':') ? `IPv6:${hop.client}` : hop.client;
  const client = literal === '' ? '' : ` ([${clean(literal)}])`;
  const forWhom = hop.recipient === null ? '' : `\r\n\tfor <${clean(hop.recipient)}>`;
  return (
    `Received: from ${clean(hop.helo) || 'unknown'}${client}\r\n\tby ${clean(hop.by)} (lonedot)` +
    ` with ${hop.protocol} id ${hop.id}${forWhom};\r\n\t${rfc5322Date(hop.at)}\r\n`
  );
}

function clean(text: string): string {
  return text.replace(/[^!-'*-~]/g, '?').slice(0, 255);
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Sun, 22 Nov 2026 09:00:00 +0000` (RFC 5322 3.3), in UTC. */
export function rfc5322Date(at: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${DAYS[at.getUTCDay()]}, ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
  return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}

/** Counts the Received fields in the header of a message that comes in pieces. */
export class TraceCount {
  count = 0;
  private inHeader = true;
  /** The beginning of a line whose end is still to come; only so much of it as is needed to know the field. */
  private line = '';

  add(bytes: Buffer): void {
    if (!this.inHeader) return;
    for (let from = 0; from < bytes.length; ) {
      const end = bytes.indexOf(10, from);
      const to = end === -1 ? bytes.length : end;
      const room = 10 - this.line.length;
      if (room > 0) this.line += bytes.toString('latin1', from, Math.min(to, from + room));
      if (end === -1) return;
      if (this.line === '' || this.line === '\r') {
        this.inHeader = false;
        return;
      }
      if (/^received:/i.test(this.line)) this.count++;
      this.line = '';
      from = end + 1;
    }
  }
}
