// How long an upstream may take, in milliseconds, phase by phase.
import type { Upstream } from './upstream.ts';

export interface Waits {
  /** For a connection, TLS from the first byte included. */
  readonly connect: number;
  /** For the greeting. */
  readonly greeting: number;
  /** For the reply to EHLO, STARTTLS, AUTH, MAIL and RCPT each. */
  readonly command: number;
  /** For the reply to DATA. */
  readonly data: number;
  /** For the other side to take a block of content. */
  readonly block: number;
  /** For the reply to the lone dot. A server that scans mail takes its time here, and who gives up sends it twice. */
  readonly dot: number;
  /** For the replies to RSET and QUIT: a connection that hesitates here is not worth keeping. */
  readonly reset: number;
  /** With nothing to send, before it says QUIT. */
  readonly idle: number;
}

/** The waits for one upstream: `timeout` stands for all of them but the one for the reply to the lone dot. */
export function waitsFor({ timeout, dotTimeout }: Pick<Upstream, 'timeout' | 'dotTimeout'>, waits: Waits): Waits {
  const all =
    timeout === null ? waits : { connect: timeout, greeting: timeout, command: timeout, data: timeout, block: timeout };
  return { ...waits, ...all, ...(dotTimeout === null ? {} : { dot: dotTimeout }) };
}

const MINUTE = 60_000;

// RFC 5321 4.5.3.2. Only the connection gets less than the RFC's minutes: another attempt follows anyway, and until the
// TCP handshake nothing has been asked of the other side.
export const WAITS: Waits = {
  connect: 30_000,
  greeting: 5 * MINUTE,
  command: 5 * MINUTE,
  data: 2 * MINUTE,
  block: 3 * MINUTE,
  dot: 10 * MINUTE,
  reset: 5_000,
  idle: 10_000,
};
