// The way out: connections to one upstream on nodemailer's SMTPConnection class, kept open and used again. The class
// and not a transport, because it sends the envelope's addresses as they are and is several times faster.
import { Readable } from 'node:stream';
import type Connection from 'nodemailer/lib/smtp-connection';
import type { Log } from '../src/log.ts';
import { cleanReply, type Outcome, outcomeOf, type SendError } from './outcome.ts';
import type { Upstream } from './upstream.ts';

/** How long a connection waits for its next mail before it says QUIT. */
const IDLE_MS = 10_000;
// RFC 5321 4.5.3.2 asks for minutes; the first ones are shorter here, since another attempt follows anyway.
const CONNECT_MS = 30_000;
const REPLY_MS = 5 * 60_000;

export interface Envelope {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly size: number;
  readonly eightBit: boolean;
}

export interface Delivery {
  /** For each recipient, in their order. */
  readonly outcomes: readonly Outcome[];
  readonly tls: string;
}

/** No connection could be made: nothing was sent, another upstream may be tried at once. */
export class Unreachable extends Error {
  readonly code: string | undefined;

  constructor(error: SendError) {
    super(cleanReply(error.response || error.message));
    this.name = 'Unreachable';
    this.code = error.code;
  }
}

interface Idle {
  readonly connection: Connection;
  readonly timer: NodeJS.Timeout;
}

export class Forwarder {
  readonly upstream: Upstream;
  private readonly hostname: string;
  private readonly log: Log;
  private idle: Idle[] = [];
  private readonly open = new Set<Connection>();
  private closed = false;

  constructor(upstream: Upstream, hostname: string, log: Log) {
    this.upstream = upstream;
    this.hostname = hostname;
    this.log = log;
  }

  /** Sends one mail. Rejects with Unreachable when no connection could be made; everything else is an outcome. */
  async deliver(envelope: Envelope, content: AsyncIterable<Buffer>): Promise<Delivery> {
    const connection = await this.connection();
    const source = Readable.from(content, { objectMode: false });
    let dotSent = false;
    source.once('end', () => {
      dotSent = true;
    });
    const tls = connection.secure ? 'TLS' : '';
    try {
      const info = await send(connection, envelope, source);
      this.keep(connection);
      const outcomes = envelope.recipients.map((address): Outcome => {
        const refused = info.rejectedErrors?.find((one) => one.recipient === address);
        return refused ? outcomeOf(refused, address, false) : { fate: 'delivered', reply: cleanReply(info.response) };
      });
      return { outcomes, tls };
    } catch (error) {
      source.destroy();
      await this.recover(connection, error as SendError);
      return { outcomes: envelope.recipients.map((one) => outcomeOf(error as SendError, one, dotSent)), tls };
    }
  }

  /** Ends idle connections; those at work end after their mail. */
  close(): void {
    this.closed = true;
    for (const { connection, timer } of this.idle.splice(0)) {
      clearTimeout(timer);
      connection.quit();
    }
  }

  /** Ends all of them at once. */
  destroy(): void {
    this.close();
    for (const connection of this.open) connection.close();
  }

  private async connection(): Promise<Connection> {
    const waiting = this.idle.pop();
    if (waiting) {
      clearTimeout(waiting.timer);
      return waiting.connection;
    }
    // Loaded for the first mail: a relay with an empty queue starts without it.
    const { default: SMTPConnection } = await import('nodemailer/lib/smtp-connection');
    const { host, port, implicitTls, tls, auth } = this.upstream;
    const connection = new SMTPConnection({
      host,
      port,
      secure: implicitTls,
      requireTLS: tls === 'require' && !implicitTls,
      ignoreTLS: tls === 'none',
      opportunisticTLS: tls === 'opportunistic',
      tls: tls === 'opportunistic' && !implicitTls ? { rejectUnauthorized: false } : {},
      name: this.hostname,
      connectionTimeout: CONNECT_MS,
      greetingTimeout: CONNECT_MS,
      socketTimeout: REPLY_MS,
      maxResponseSize: 65536,
    });
    try {
      await new Promise<void>((resolve, reject) => {
        connection.on('error', reject);
        connection.once('end', () => reject(new Error('the upstream closed the connection')));
        connection.connect((error) => (error ? reject(error) : resolve()));
      });
      if (auth) {
        await new Promise<void>((resolve, reject) => {
          connection.login({ credentials: auth }, (error) => (error ? reject(error) : resolve()));
        });
      }
    } catch (error) {
      connection.close();
      throw new Unreachable(error as SendError);
    }
    this.open.add(connection);
    connection.once('end', () => this.forget(connection));
    this.log.debug('upstream.connected', { upstream: this.upstream.name, tls: connection.secure });
    return connection;
  }

  private keep(connection: Connection): void {
    if (this.closed) {
      connection.quit();
      return;
    }
    const timer = setTimeout(() => {
      this.idle = this.idle.filter((one) => one.connection !== connection);
      connection.quit();
    }, IDLE_MS).unref();
    this.idle.push({ connection, timer });
  }

  private forget(connection: Connection): void {
    this.open.delete(connection);
    for (const one of this.idle) if (one.connection === connection) clearTimeout(one.timer);
    this.idle = this.idle.filter((one) => one.connection !== connection);
  }

  /** After a refusal the connection is good for the next mail; after anything else it is not. */
  private async recover(connection: Connection, error: SendError): Promise<void> {
    const refusedOnly = error.responseCode !== undefined && error.responseCode !== 421 && error.responseCode !== 503;
    if (refusedOnly && !this.closed) {
      const clean = await new Promise<boolean>((resolve) => {
        connection.once('end', () => resolve(false));
        connection.reset((failed) => resolve(!failed));
      });
      if (clean) return this.keep(connection);
    }
    connection.close();
  }
}

interface SendInfo {
  readonly response: string;
  readonly rejectedErrors?: readonly SendError[];
}

function send(connection: Connection, envelope: Envelope, source: Readable): Promise<SendInfo> {
  const { sender, recipients, size, eightBit } = envelope;
  const toSend = { from: sender, to: [...recipients], size, use8BitMime: eightBit } as Parameters<Connection['send']>[0];
  return new Promise((resolve, reject) => {
    // A connection that ends without an error event must not leave the mail waiting for ever.
    const ended = (): void => reject(Object.assign(new Error('the upstream closed the connection'), { code: 'ECONNECTION' }));
    connection.once('end', ended);
    connection.send(toSend, source, (error, info) => {
      connection.removeListener('end', ended);
      if (error) reject(error);
      else resolve(info as unknown as SendInfo);
    });
  });
}
