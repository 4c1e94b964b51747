// One POP3 connection: bytes to lines to steps to replies. What the protocol is stands in protocol.ts; here is how a
// connection lives through it: limits, errors counted, TLS, the way out.
import { AsyncChat } from '../../src/chat.ts';
import type { TimeoutKind } from '../../src/deadlines.ts';
import type { PeerInfo } from '../../src/listen.ts';
import type { Transport } from '../../src/transport.ts';
import { MAX_AUTH_LINE, type SaslExchange } from '../auth/sasl.ts';
import { NOT_SMTP } from '../smtp/protocol.ts';
import type { Door, TlsSource } from '../smtp/session-context.ts';
import type { Pop3Context, Pop3View, State, Step } from './context.ts';
import type { Maildrop } from './maildrop.ts';
import { COMMANDS, LINES, NO_SUCH_COMMAND, outOfPlace } from './protocol.ts';

/** RFC 2449 4: 255 octets; passwords may be longer. */
const MAX_LINE = 2048;
const LINE_END = Buffer.from('\n');
/** The first byte of a TLS client that has come to the wrong port. It would wait for ever: nothing ends its line. */
const TLS_HANDSHAKE = 0x16;

export class Pop3Session extends AsyncChat implements Pop3View {
  readonly context: Pop3Context;
  readonly clientAddress: string;
  name = '';
  exchange: SaslExchange | null = null;
  drop: Maildrop | null = null;
  private state: State;
  private line = '';
  private errors = 0;

  constructor(transport: Transport, peer: PeerInfo, context: Pop3Context, door: Door = {}) {
    const { idleTimeout } = context;
    super(transport, {
      // One more for the CR.
      inLimit: MAX_LINE + 1,
      timeouts: { idle: idleTimeout, frame: idleTimeout, write: idleTimeout },
      logger: context.log,
    });
    this.context = context;
    this.clientAddress = peer.address;
    this.state = door.implicitTls ? 'handshake' : 'authorization';
    this.readLines('authorization');
    context.log.debug('pop3.opened', { remote: this.remote });
    if (door.implicitTls) void this.startTls().then(() => this.state === 'authorization' && this.greet());
    else this.greet();
  }

  get isTls(): boolean {
    return this.tls !== null;
  }

  /** The listener wants to close. What was marked stays: only QUIT deletes. */
  drain(): void {
    if (this.state === 'handshake') this.abort();
    else this.leave('-ERR [SYS/TEMP] the server is stopping');
  }

  protected collectIncomingData(data: Buffer): void {
    if (data[0] === TLS_HANDSHAKE && this.line === '') return this.leave('-ERR TLS cannot start here');
    this.line += data.toString('latin1');
  }

  protected foundTerminator(): void | Promise<void> {
    const line = this.line.endsWith('\r') ? this.line.slice(0, -1) : this.line;
    this.line = '';
    const take = LINES[this.state];
    const step = take ? take(this, line) : this.command(line);
    if (!(step instanceof Promise)) return this.answer(step);
    return step.then(
      (done) => this.answer(done),
      (error: Error) => {
        this.context.log.error('pop3.command_failed', { remote: this.remote, error: error.message });
        return this.answer({ reply: '-ERR [SYS/TEMP] the inbox cannot be read now' });
      },
    );
  }

  protected override handleOverlong(): void {
    this.line = '';
    this.exchange = null;
    void this.answer({
      reply: '-ERR the line is too long',
      next: this.state === 'sasl' ? 'authorization' : this.state,
    });
  }

  protected override handleTimeout(kind: TimeoutKind): void {
    this.context.log.info('pop3.timeout', { remote: this.remote, state: this.state, kind });
    // RFC 1939 section 3: without a word, and nothing is deleted.
    if (kind === 'write') this.abort();
    else this.closeWhenDone();
  }

  protected override handleClose(): void {
    this.state = 'closing';
    this.context.log.debug('pop3.closed', { remote: this.remote });
  }

  private command(line: string): Step | Promise<Step> {
    const [, word = '', argument = ''] = /^([!-~]+)(?: (.*))?$/s.exec(line) ?? [];
    const verb = word.toUpperCase();
    // A web page can make a browser send this, with commands in the body behind it.
    if (NOT_SMTP.has(verb)) return { reply: '-ERR this is a POP3 server', next: 'closing' };
    const row = COMMANDS.get(verb);
    if (row === undefined) return NO_SUCH_COMMAND;
    if (!row.in.includes(this.state)) return outOfPlace(this.state);
    // Blanks may be part of a password, and of nothing else.
    return row.run(this, verb === 'PASS' ? argument : argument.trim());
  }

  /** The one place where a step takes effect. Resolves when a long reply is out: the next command waits for it. */
  private answer({ reply, next, upgrade }: Step): void | Promise<void> {
    if (this.state === 'closing') return;
    if (typeof reply !== 'string') {
      // When the client is gone, or the store is, the connection is ended already.
      return this.pushWithProducer(reply).catch(() => {});
    }
    if (reply.startsWith('-ERR') && ++this.errors >= this.context.maxErrors) return this.leave('-ERR too many errors');
    this.say(reply);
    if (next === 'closing') {
      this.state = 'closing';
      return this.closeWhenDone();
    }
    if (next !== undefined && next !== this.state) {
      this.state = next;
      this.readLines(next);
    }
    if (upgrade) return this.startTls();
  }

  private readLines(state: State): void {
    const maxFrame = state === 'sasl' ? MAX_AUTH_LINE + 1 : MAX_LINE + 1;
    this.setTerminator(LINE_END, { overlong: 'discard', maxFrame });
  }

  private greet(): void {
    this.say(`+OK ${this.context.hostname} lonedot POP3`);
  }

  private async startTls(tls: TlsSource | null = this.context.tls): Promise<void> {
    if (tls === null) throw new Error('TLS without a certificate');
    // RFC 2595 4: what was said in the clear is forgotten.
    this.name = '';
    try {
      await this.upgradeTls({ role: 'server', ...tls.secureContextOptions() });
    } catch (error) {
      // The connection is gone with it.
      this.context.log.info('pop3.tls_failed', { remote: this.remote, error: (error as Error).message });
      return;
    }
    this.state = 'authorization';
  }

  private leave(last: string): void {
    if (this.state === 'closing') return;
    this.say(last);
    this.state = 'closing';
    this.closeWhenDone();
  }

  private say(line: string): void {
    // Names and texts of others stand in no reply; what is not ASCII all the same must not break its line.
    this.push(Buffer.from(`${line}\r\n`, 'latin1'));
  }
}
