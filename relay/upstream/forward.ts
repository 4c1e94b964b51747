// The way out to one host: connections on nodemailer's SMTPConnection class, kept open and used again. The class and not
// a transport, because it is several times faster and says what became of each recipient.
import { isIP } from 'node:net';
import type { Log } from '../../src/log.ts';
import { Batches } from './batches.ts';
import { type Content, type Courier, type Delivery, type Envelope, LeaseLost, Unreachable } from './courier.ts';
import { isOfConnection, type Outcome, outcomeOf, replied, type SendError } from './outcome.ts';
import { planTransaction, type Transaction, Transmission } from './transaction.ts';
import type { Upstream, UpstreamTls } from './upstream.ts';
import type { UpstreamConnection } from './upstream-connection.ts';
import { readTlsFiles, type TlsFiles } from './upstream-files.ts';
import type { Dial, Login } from './upstream-open.ts';
import { WAITS, type Waits, waitsFor } from './waits.ts';

/** What is the same for every courier. */
export interface CourierSettings {
  /** The name for EHLO. */
  readonly hostname: string;
  readonly log: Log;
  readonly waits?: Waits;
}

/** Where one forwarder goes, when the upstream's URL does not say it. */
export interface Target {
  /** A name, for logs and certificates. */
  readonly host: string;
  readonly address: string;
}

const ALWAYS = (): boolean => true;

interface Idle {
  readonly connection: UpstreamConnection;
  readonly timer: NodeJS.Timeout;
}

export class Forwarder implements Courier {
  readonly upstream: Upstream;
  private readonly target: Target;
  private readonly log: Log;
  private readonly waits: Waits;
  private readonly hostname: string;
  private readonly files: TlsFiles;
  private login: Login | null = null;
  private working = 0;
  private readonly batches = new Batches();
  private idle: Idle[] = [];
  private readonly open = new Set<UpstreamConnection>();
  private life: 'open' | 'closing' | 'destroyed' = 'open';

  /** Throws ChatError BAD_OPTION when a file that the upstream names cannot be used. */
  constructor(upstream: Upstream, settings: CourierSettings, target?: Target) {
    this.upstream = upstream;
    this.target = target ?? { host: upstream.host, address: upstream.host };
    this.hostname = settings.hostname;
    this.log = settings.log;
    this.waits = waitsFor(upstream, settings.waits ?? WAITS);
    this.files = readTlsFiles(upstream);
  }

  get name(): string {
    return this.upstream.name;
  }

  /** It has a mail in hand. */
  get isBusy(): boolean {
    return this.working > 0;
  }

  group(): string {
    return '';
  }

  async deliver(envelope: Envelope, content: () => Promise<Content>, isOurs = ALWAYS): Promise<Delivery> {
    this.working++;
    try {
      return await this.batches.deliver(envelope, (batch) => this.send(batch, content, isOurs));
    } finally {
      this.working--;
    }
  }

  close(): void {
    if (this.life === 'open') this.life = 'closing';
    for (const { connection, timer } of this.idle.splice(0)) {
      clearTimeout(timer);
      connection.quit();
    }
  }

  destroy(): void {
    this.close();
    this.life = 'destroyed';
    for (const connection of [...this.open]) connection.close();
  }

  private async send(envelope: Envelope, content: () => Promise<Content>, isOurs: () => boolean): Promise<Delivery> {
    for (;;) {
      const source = await content();
      const waiting = this.takeIdle();
      const connection = waiting ?? (await this.connect());
      const delivery = await this.sendOver(connection, envelope, { source, isOurs, wasUsed: waiting !== undefined });
      if (delivery !== null) return delivery;
    }
  }

  /** null: the connection was used before, has been given up meanwhile, and only a fresh one tells how things are. */
  private async sendOver(
    connection: UpstreamConnection,
    envelope: Envelope,
    { source, isOurs, wasUsed }: { source: Content; isOurs: () => boolean; wasUsed: boolean },
  ): Promise<Delivery | null> {
    const { upstream } = this;
    const { offers, isVerified, tls } = connection;
    const transaction = planTransaction(envelope, { offers, isVerified, eightBit: upstream.eightBit });
    const delivery = (outcomes: readonly Outcome[]): Delivery => ({ outcomes, tls, host: this.target.host });
    if (transaction.rcpt.length === 0) {
      this.keep(connection);
      return delivery(transaction.fates as Outcome[]);
    }
    const transmission = new Transmission(transaction.mail, transaction.rcpt, isOurs);
    try {
      const response = await connection.transmit(transmission, source);
      this.keep(connection);
      return delivery(outcomesOf(transaction, transmission, replied('delivered', response)));
    } catch (reason) {
      const error = reason as SendError;
      const { isBegun, isDotSent } = transmission;
      await this.recover(connection, error, isDotSent);
      if (reason instanceof LeaseLost) throw reason;
      // 421 to the dot refuses the mail, for this host's sake; without any reply it may have arrived.
      if (isOfConnection(error) && (!isDotSent || error.code === 'EMESSAGE')) {
        if (wasUsed && !isBegun) return null;
        throw new Unreachable(error);
      }
      // Our own disk: the mail is tried again, and somebody has to hear of it.
      if (error.code === 'ESTREAM') this.log.error('upstream.content_failed', { ...this.fields, error: error.message });
      const rest = outcomeOf(error, isDotSent);
      // A refused MAIL makes refused recipients, which say nothing of the recipients.
      if (error.command === 'MAIL FROM') transmission.replies.fill(undefined);
      return delivery(outcomesOf(transaction, transmission, rest));
    }
  }

  private takeIdle(): UpstreamConnection | undefined {
    const waiting = this.idle.pop();
    clearTimeout(waiting?.timer);
    return waiting?.connection;
  }

  private async connect(): Promise<UpstreamConnection> {
    const { tls, implicitTls, auth } = this.upstream;
    try {
      return await this.dial(tls);
    } catch (error) {
      if ((error as SendError).code !== 'ETLS' || tls !== 'opportunistic' || implicitTls || auth) {
        throw new Unreachable(error as SendError);
      }
      // RFC 7435: who encrypts when it can be had does without where it is broken. A password is not risked.
      this.log.warn('upstream.tls_failed', { ...this.fields, error: new Unreachable(error as SendError).message });
    }
    return this.dial('none').catch((error) => {
      throw new Unreachable(error);
    });
  }

  private async dial(tls: UpstreamTls): Promise<UpstreamConnection> {
    const { openConnection, Login } = await import('./upstream-open.ts');
    const { upstream, target, hostname, files, waits } = this;
    this.login ??= new Login(upstream);
    const servername = upstream.servername ?? (isIP(target.host) || target.host.startsWith('/') ? '' : target.host);
    const dial: Dial = { upstream, address: target.address, servername, hostname, files, waits };
    const connection = await openConnection(dial, tls, this.login, (opened) => {
      this.open.add(opened);
      opened.once('end', () => this.forget(opened));
      if (this.life === 'destroyed') opened.close();
    });
    this.batches.limit(connection.offers.get('LIMITS'));
    this.log.debug('upstream.connected', { ...this.fields, tls: connection.tls });
    return connection;
  }

  private get fields(): { upstream: string; host: string } {
    return { upstream: this.name, host: this.target.host };
  }

  private keep(connection: UpstreamConnection): void {
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

  private forget(connection: UpstreamConnection): void {
    this.open.delete(connection);
    for (const one of this.idle) if (one.connection === connection) clearTimeout(one.timer);
    this.idle = this.idle.filter((one) => one.connection !== connection);
  }

  /** After a refusal the connection is good for the next mail; after anything else it is not. */
  private async recover(connection: UpstreamConnection, error: SendError, isDotSent: boolean): Promise<void> {
    const { code, responseCode } = error;
    // Refused in the middle of the content: a RSET would be taken for more of it, and the reply to the dot for RSET's.
    const isInStep = code === 'EENVELOPE' || (code === 'EMESSAGE' && isDotSent);
    const isGood = isInStep && responseCode !== undefined && responseCode !== 421 && responseCode !== 503;
    if (isGood && this.life === 'open' && (await connection.resetSession())) this.keep(connection);
    else connection.close();
  }
}

/** What became of each recipient; `rest` is for those who got no reply of their own. */
function outcomesOf({ fates, notified }: Transaction, { replies }: Transmission, rest: Outcome): Outcome[] {
  return fates.map((fate) => {
    if (typeof fate !== 'number') return fate;
    const reply = replies[fate];
    const outcome = reply === undefined ? rest : outcomeOfReply(reply);
    return outcome.fate === 'delivered' && notified[fate] ? { ...outcome, dsn: true } : outcome;
  });
}

function outcomeOfReply(response: string): Outcome {
  if (response.startsWith('2')) return replied('delivered', response);
  return outcomeOf({ message: '', code: 'EENVELOPE', response, responseCode: Number.parseInt(response, 10) }, false);
}
