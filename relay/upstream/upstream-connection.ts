// nodemailer's SMTPConnection, and all that is known here of its inside. It connects, greets, starts TLS, logs in, reads
// replies and makes its errors of them. Three of its methods are replaced, because it has no options for what a relay
// needs: parameters of its own for each recipient, addresses exactly as they came, a deadline for each phase
// (RFC 5321 4.5.3.2), certainty whether the lone dot left, and content without a loop over its bytes.
// A version of nodemailer that changes what is used here fails test/relay/upstream-connection.test.ts.
import type { TLSSocket } from 'node:tls';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { type Content, LeaseLost } from './courier.ts';
import type { SendError } from './outcome.ts';
import type { Transmission } from './transaction.ts';
import type { Done, Inside } from './upstream-inside.ts';
import type { Waits } from './waits.ts';
import { WireText, wholeWireText } from './wire-text.ts';

type Options = ConstructorParameters<typeof SMTPConnection>[0];
const Base = SMTPConnection as unknown as new (options: Options) => SMTPConnection & Inside;

export class UpstreamConnection extends Base {
  readonly #waits: Waits;
  #deadline: NodeJS.Timeout | undefined;
  #offers: ReadonlyMap<string, string> | null = null;
  #transmission: Transmission | null = null;

  constructor(options: Options, waits: Waits) {
    // Its own limits are set aside: ours are per phase, and run until the phase is over, not until the next byte comes.
    const never = waits.connect + waits.greeting;
    super({ ...options, connectionTimeout: never, greetingTimeout: never, socketTimeout: 2 ** 31 - 1 });
    this.#waits = waits;
    // Stays for good: an error that nobody listens to would be thrown.
    this.on('error', () => {});
    this.once('end', () => this.#disarm());
  }

  /** What EHLO offered: the keyword in capitals, and what stands behind it. */
  get offers(): ReadonlyMap<string, string> {
    this.#offers ??= new Map((this._ehloLines ?? []).map(offerOf));
    return this.#offers;
  }

  /** 'TLSv1.3'; '' in the clear. */
  get tls(): string {
    return this.secure && this._socket ? ((this._socket as TLSSocket).getProtocol() ?? 'TLS') : '';
  }

  /** TLS with a certificate for this host that a known authority vouches for. */
  get isVerified(): boolean {
    return this.secure && this._socket !== false && (this._socket as TLSSocket | null)?.authorized === true;
  }

  /** Up to the greeting and EHLO, with TLS as the options say. */
  open(): Promise<void> {
    this.#arm(this.#waits.connect, 'a connection');
    return this.#answered((settle) => this.connect(settle));
  }

  logIn(auth: Parameters<SMTPConnection['login']>[0]): Promise<void> {
    return this.#answered((settle) => this.login(auth, settle));
  }

  /** False when it is of no further use. */
  async resetSession(): Promise<boolean> {
    return this.#answered((settle) => this.reset(settle)).then(
      () => true,
      () => false,
    );
  }

  /** Resolves with the reply to the lone dot; what else was learned stands in `transmission`, also when this rejects. */
  transmit(transmission: Transmission, content: Content): Promise<string> {
    this.#transmission = transmission;
    return new Promise((resolve, reject) => {
      const settle: Done = (error, result) => {
        this.off('end', ended);
        this.#disarm();
        transmission.isOver = true;
        if (error) reject(error);
        else resolve(result?.response ?? '');
      };
      // A connection that ends without an error must not leave the mail waiting for ever. If there is one, it comes in
      // this turn and tells more.
      const ended = (): unknown => setImmediate(settle, lost());
      this.once('end', ended);
      // All that nodemailer does with a message is to pipe it.
      const message = { pipe: () => void this.#writeContent(transmission, content, settle) };
      this.send(transmission as never, message as never, settle as never);
    });
  }

  override _setEnvelope(envelope: unknown, callback: Done): void {
    const transmission = envelope as Transmission;
    const { mail, rcpt } = transmission;
    const pipelined = this.offers.has('PIPELINING');
    const places = rcpt.map((_, place) => String(place));
    this._envelope = { pipelined, rcptQueue: places, accepted: [], rejected: [], rejectedErrors: [], from: '', to: [] };
    this._recipientQueue = [];
    this._responseActions.push((reply) => {
      this.#arm(this.#waits.command, 'the reply to RCPT');
      this._actionMAIL(reply, callback);
    });
    if (!pipelined) return this._sendCommand(mail);
    for (const place of places.splice(0)) this.#expectRcpt(place, callback);
    this._responseActions.push((reply) => this._actionDATA(reply, callback));
    this.#arm(this.#waits.command, 'the reply to MAIL');
    // RFC 2920: the whole envelope in one write.
    if (this._socket) this._socket.write(`${mail}\r\n${rcpt.join('\r\n')}\r\nDATA\r\n`);
  }

  /** One at a time, to a server without PIPELINING. */
  override _sendRcpt(place: string, callback: Done): void {
    this.#expectRcpt(place, callback);
    this._sendCommand(this.#transmission!.rcpt[Number(place)]!);
  }

  #expectRcpt(place: string, callback: Done): void {
    const { replies, rcpt } = this.#transmission!;
    this._recipientQueue.push(place);
    this._responseActions.push((reply) => {
      if (!reply.startsWith('2')) replies[Number(place)] = reply;
      const isLast = Number(place) === rcpt.length - 1;
      this.#arm(isLast ? this.#waits.data : this.#waits.command, `the reply to ${isLast ? 'DATA' : 'RCPT'}`);
      this._actionRCPT(reply, callback);
    });
  }

  override _createSendStream(callback: (error: SendError | null, reply?: string) => void): unknown {
    const { accepted } = this._envelope as { accepted: string[] };
    const transmission = this.#transmission!;
    const answered = (take: (reply: string) => void) => (reply: string) => {
      // What nobody has seen the end of, nobody can have taken.
      if (transmission.isWritten || !reply.startsWith('2')) take(reply);
      else this._onError(new Error('the content was taken before its end'), 'EPROTOCOL', reply, 'DATA');
    };
    if (this.options.lmtp) {
      // RFC 2033 4.2: one reply for each recipient that was taken.
      for (const [i, place] of accepted.entries()) {
        const take = (reply: string): void => {
          transmission.replies[Number(place)] = reply;
          if (i === accepted.length - 1) callback(null, reply);
        };
        this._responseActions.push(answered(take));
      }
    } else this._responseActions.push(answered((reply) => this._actionSMTPStream(reply, callback)));
    return { outByteCount: 0 };
  }

  /** It takes 250 for leave to send the content, too; to a server that is out of step that would be commands. */
  override _actionDATA(reply: string, callback: Done): void {
    if (reply.startsWith('2')) this._onError(new Error('DATA was not answered with 354'), 'EPROTOCOL', reply, 'DATA');
    else super._actionDATA(reply, callback);
  }

  override _sendCommand(command: string, logged?: string): void {
    const { reset, data, command: other } = this.#waits;
    const verb = command.split(' ', 1)[0]!;
    const wait = verb === 'RSET' || verb === 'QUIT' ? reset : verb === 'DATA' ? data : other;
    this.#arm(wait, `the reply to ${VERBS.has(verb) ? verb : 'AUTH'}`);
    super._sendCommand(command, logged);
  }

  override _onConnect(): void {
    this.#arm(this.#waits.greeting, 'the greeting');
    super._onConnect();
  }

  /** It calls what goes wrong in a handshake an error of the socket, and so what a person has to see to one of the net. */
  override _onError(error: Error, code: string, response: string | false, command: string): void {
    const isOfImplicit = this.secureConnection && this.stage === 'init' && code === 'ESOCKET' && !('syscall' in error);
    super._onError(error, this.upgrading || isOfImplicit ? 'ETLS' : code, response, command);
  }

  async #writeContent(transmission: Transmission, content: Content, settle: Done): Promise<void> {
    transmission.isBegun = true;
    this.#disarm();
    try {
      if (!transmission.isOurs()) throw new LeaseLost();
      if (isShort(content)) return this.#writeLast(transmission, wholeWireText(content));
      const text = new WireText();
      for await (const piece of content) {
        if (!(await this.#write(transmission, text.write(piece)))) return;
      }
      if (!transmission.isOurs()) throw new LeaseLost();
      this.#writeLast(transmission, text.end());
    } catch (error) {
      if (transmission.isOver) return;
      settle(error instanceof LeaseLost ? error : Object.assign(error as Error, { code: 'ESTREAM' }));
      // Without its dot: the other side throws away what it has.
      this.close();
    }
  }

  /** Resolves with false when there is nothing more to write. */
  async #write(transmission: Transmission, bytes: Buffer): Promise<boolean> {
    const socket = this._socket;
    if (transmission.isOver || this._destroyed || !socket) return false;
    if (socket.write(bytes)) return true;
    this.#arm(this.#waits.block, 'the other side to take more content');
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off('drain', go);
        this.off('end', go);
        resolve();
      };
      socket.on('drain', go);
      this.on('end', go);
    });
    if (transmission.isOver || this._destroyed) return false;
    // What our own store takes to bring the next piece is not held against the other side.
    this.#disarm();
    return true;
  }

  #writeLast(transmission: Transmission, bytes: Buffer): void {
    const socket = this._socket;
    if (transmission.isOver || this._destroyed || !socket) return;
    const sent = (error?: Error | null): void => {
      if (error || transmission.isDotSent) return;
      transmission.isDotSent = true;
      if (!transmission.isOver) this.#arm(this.#waits.dot, 'the reply to the end of the content');
    };
    transmission.isWritten = true;
    socket.write(bytes, sent);
    // Taken by the system at once; the callback comes later, and perhaps behind the end of this connection.
    if (socket.writableLength === 0) sent();
    else this.#arm(this.#waits.block, 'the other side to take the end of the content');
  }

  /** Calls something of nodemailer's and takes its answer, or the end of the connection for one. */
  #answered(call: (settle: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error | null): void => {
        this.off('error', reject);
        this.off('end', ended);
        this.#disarm();
        if (error) reject(error);
        else resolve();
      };
      // Whatever waits for a reply then would wait for ever: nodemailer drops its callbacks.
      const ended = (): void => settle(lost());
      this.once('error', reject);
      this.once('end', ended);
      call(settle);
    });
  }

  #arm(ms: number, what: string): void {
    clearTimeout(this.#deadline);
    if (this._destroyed) return;
    this.#deadline = setTimeout(() => {
      this._onError(new Error(`waited in vain for ${what}`), 'ETIMEDOUT', false, 'CONN');
    }, ms);
  }

  #disarm(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}

/** Anything else that is sent may be part of a password. */
const VERBS: ReadonlySet<string> = new Set([
  'EHLO',
  'HELO',
  'LHLO',
  'STARTTLS',
  'MAIL',
  'RCPT',
  'DATA',
  'RSET',
  'QUIT',
]);

/** Below it, copying a message into one buffer costs less than a second write. */
const SHORT_BYTES = 65_536;

function isShort(content: Content): content is readonly Buffer[] & Content {
  return Array.isArray(content) && content.reduce((sum: number, one: Buffer) => sum + one.length, 0) <= SHORT_BYTES;
}

function lost(): SendError & Error {
  return Object.assign(new Error('the upstream closed the connection'), { code: 'ECONNECTION' });
}

function offerOf(line: string): [string, string] {
  const space = line.indexOf(' ');
  return space < 0 ? [line.toUpperCase(), ''] : [line.slice(0, space).toUpperCase(), line.slice(space + 1).trim()];
}
