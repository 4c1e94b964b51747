// The way out: connections to one upstream on nodemailer's SMTPConnection class, kept open and used again. The class
// and not a transport, because it sends the envelope's addresses as they are and is several times faster.
import { Readable } from 'node:stream';
import type Connection from 'nodemailer/lib/smtp-connection';
import type { Log } from '../src/log.ts';
import { cleanReply, isOfConnection, type Outcome, outcomeOf, type SendError } from './outcome.ts';
import type { Upstream } from './upstream.ts';

/** How long a Forwarder waits, in milliseconds. */
export interface Waits {
  /** For a connection, up to the end of its greeting. */
  readonly connect: number;
  /** For any reply, and for the upstream to take more content. */
  readonly reply: number;
  /** For the reply to RSET: a connection that hesitates here is not worth keeping. */
  readonly reset: number;
  /** With nothing to send, before it says QUIT. */
  readonly idle: number;
}

// RFC 5321 4.5.3.2 asks for ten minutes behind the dot, and for minutes to connect. The latter is shorter here, since
// another attempt follows anyway.
const WAITS: Waits = { connect: 30_000, reply: 10 * 60_000, reset: 5_000, idle: 10_000 };

export interface Envelope {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly size: number;
  readonly eightBit: boolean;
}

/** A mail's bytes, in pieces. */
export type Content = Iterable<Buffer> | AsyncIterable<Buffer>;

export interface Delivery {
  /** For each recipient, in their order. */
  readonly outcomes: readonly Outcome[];
  readonly tls: string;
}

/** The message was not sent to this upstream, and not for the message's sake: another one may be tried at once. */
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

/** What send() is given, and where nodemailer notes what became of each recipient. */
interface Sending {
  readonly from: string;
  readonly to: readonly string[];
  readonly size: number;
  readonly use8BitMime: boolean;
  readonly accepted?: readonly string[];
  readonly rejectedErrors?: readonly SendError[];
}

export class Forwarder {
  readonly upstream: Upstream;
  private readonly hostname: string;
  private readonly log: Log;
  private readonly waits: Waits;
  private idle: Idle[] = [];
  private readonly open = new Set<Connection>();
  private life: 'open' | 'closing' | 'destroyed' = 'open';

  constructor(upstream: Upstream, hostname: string, log: Log, waits: Waits = WAITS) {
    this.upstream = upstream;
    this.hostname = hostname;
    this.log = log;
    this.waits = waits;
  }

  /**
   * Sends one mail; `content` gives it from its beginning each time. Rejects with Unreachable when it was not sent for
   * reasons of the connection, and with what `content` rejects with; everything else is an outcome.
   */
  async deliver(envelope: Envelope, content: () => Promise<Content>): Promise<Delivery> {
    for (;;) {
      const source = Readable.from(await content(), { objectMode: false });
      const waiting = this.takeIdle();
      const connection = waiting ?? (await this.connect());
      const delivery = await this.sendOver(connection, envelope, source).catch((error) => {
        // One that was idle may have been given up by the other side: only a fresh one tells how things are.
        if (!waiting || source.readableDidRead) throw error;
        return null;
      });
      if (delivery !== null) return delivery;
    }
  }

  /** Ends idle connections; those at work end after their mail. */
  close(): void {
    if (this.life === 'open') this.life = 'closing';
    for (const { connection, timer } of this.idle.splice(0)) {
      clearTimeout(timer);
      connection.quit();
    }
  }

  /** Ends all of them at once. */
  destroy(): void {
    this.close();
    this.life = 'destroyed';
    for (const connection of [...this.open]) connection.close();
  }

  private async sendOver(connection: Connection, envelope: Envelope, source: Readable): Promise<Delivery> {
    const { sender, recipients, size, eightBit } = envelope;
    const sending: Sending = { from: disguise(sender), to: recipients.map(disguise), size, use8BitMime: eightBit };
    let dotSent = false;
    source.once('end', () => {
      dotSent = true;
    });
    const tls = connection.secure ? 'TLS' : '';
    try {
      const response = await send(connection, sending, source);
      this.keep(connection);
      const delivered: Outcome = { fate: 'delivered', reply: cleanReply(response) };
      return { outcomes: sending.to.map((one) => refusalOf(sending, one) ?? delivered), tls };
    } catch (reason) {
      source.destroy();
      const error = reason as SendError;
      await this.recover(connection, error, dotSent);
      if (error.code === 'ESTREAM') this.log.error('upstream.content_failed', { error: error.message });
      else if (!dotSent && isOfConnection(error)) throw new Unreachable(error);
      // A refused MAIL makes refused recipients, which say nothing of the recipients.
      const isOfSender = error.command === 'MAIL FROM';
      const rest = outcomeOf(error, dotSent);
      return { outcomes: sending.to.map((one) => (isOfSender ? null : refusalOf(sending, one)) ?? rest), tls };
    }
  }

  private takeIdle(): Connection | undefined {
    const waiting = this.idle.pop();
    clearTimeout(waiting?.timer);
    return waiting?.connection;
  }

  private async connect(): Promise<Connection> {
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
      connectionTimeout: this.waits.connect,
      greetingTimeout: this.waits.connect,
      socketTimeout: this.waits.reply,
      maxResponseSize: 65536,
    });
    sendUndisguised(connection);
    this.open.add(connection);
    connection.once('end', () => this.forget(connection));
    try {
      await new Promise<void>((resolve, reject) => {
        // Stays for good: an error that nobody listens to would be thrown.
        connection.on('error', reject);
        // Whatever waits for a reply then would wait for ever: nodemailer drops its callbacks.
        connection.once('end', () => reject(new Error('the upstream closed the connection')));
        const settle = (error?: Error | null): void => (error ? reject(error) : resolve());
        connection.connect((error) => {
          if (error || !auth) settle(error);
          else connection.login({ credentials: auth }, settle);
        });
        if (this.life === 'destroyed') connection.close();
      });
    } catch (error) {
      connection.close();
      this.forget(connection);
      throw new Unreachable(error as SendError);
    }
    this.log.debug('upstream.connected', { upstream: this.upstream.name, tls: connection.secure });
    return connection;
  }

  private keep(connection: Connection): void {
    if (this.life !== 'open') {
      connection.quit();
      return;
    }
    const timer = setTimeout(() => {
      this.idle = this.idle.filter((one) => one.connection !== connection);
      connection.quit();
    }, this.waits.idle).unref();
    this.idle.push({ connection, timer });
  }

  private forget(connection: Connection): void {
    this.open.delete(connection);
    for (const one of this.idle) if (one.connection === connection) clearTimeout(one.timer);
    this.idle = this.idle.filter((one) => one.connection !== connection);
  }

  /** After a refusal the connection is good for the next mail; after anything else it is not. */
  private async recover(connection: Connection, error: SendError, dotSent: boolean): Promise<void> {
    const { code, responseCode } = error;
    // Refused in the middle of the content: a RSET would be taken for more of it, and the reply to the dot for RSET's.
    const isSent = dotSent && connection._socket && connection._socket.writableLength === 0;
    const isInStep = code === 'EENVELOPE' || (code === 'EMESSAGE' && isSent);
    if (
      isInStep &&
      responseCode !== undefined &&
      responseCode !== 421 &&
      responseCode !== 503 &&
      this.life === 'open'
    ) {
      const isClean = await new Promise<boolean>((resolve) => {
        const limit = setTimeout(() => settle(false), this.waits.reset);
        const ended = (): void => settle(false);
        const settle = (clean: boolean): void => {
          clearTimeout(limit);
          connection.removeListener('end', ended);
          resolve(clean);
        };
        connection.once('end', ended);
        connection.reset((failed) => settle(!failed));
      });
      if (isClean) return this.keep(connection);
    }
    connection.close();
  }
}

/** Resolves with the reply to the dot. */
function send(connection: Connection, sending: Sending, source: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    // A connection that ends without an error must not leave the mail waiting for ever. If there is one, it comes in
    // this turn and tells more.
    const ended = (): void => {
      const error = Object.assign(new Error('the upstream closed the connection'), { code: 'ECONNECTION' });
      setImmediate(reject, error);
    };
    connection.once('end', ended);
    connection.send(sending as Parameters<Connection['send']>[0], source, (error, info) => {
      connection.removeListener('end', ended);
      if (error) reject(error);
      else resolve(info?.response ?? '');
    });
  });
}

/** The outcome for a recipient that was refused by itself. One that came twice and was taken once is taken. */
function refusalOf(sending: Sending, address: string): Outcome | null {
  const refused = sending.rejectedErrors?.find((one) => one.recipient === address);
  return refused && !sending.accepted?.includes(address) ? outcomeOf(refused, false) : null;
}

// nodemailer takes no address with < or >, although both may stand in a quoted local part (RFC 5321 4.1.2). No address
// holds control characters: two of them get past its check and are turned back where commands are sent.
const DISGUISES: Readonly<Record<string, string>> = { '<': '\x01', '>': '\x02', '\x01': '<', '\x02': '>' };
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the disguises
const DISGUISED = /[\x01\x02]/g;

function disguise(address: string): string {
  return address.replace(/[<>]/g, (c) => DISGUISES[c]!);
}

function sendUndisguised(connection: Connection): void {
  const inside = connection as unknown as { _sendCommand(command: string, logged?: string): void };
  const sendCommand = inside._sendCommand.bind(connection);
  inside._sendCommand = (command, logged) =>
    sendCommand(
      command.replace(DISGUISED, (c) => DISGUISES[c]!),
      logged,
    );
}
