// One SMTP or LMTP connection: bytes to lines to steps to replies. What the protocol is stands in protocol.ts; here is
// how a connection lives through it: limits, errors counted, TLS, the way out.
import { AsyncChat } from '../../src/chat.ts';
import { realClock } from '../../src/clock.ts';
import type { TimeoutKind } from '../../src/deadlines.ts';
import type { FrameInfo } from '../../src/frame.ts';
import type { PeerInfo } from '../../src/listen.ts';
import type { Transport } from '../../src/transport.ts';
import { MAX_AUTH_LINE, type SaslExchange } from '../auth/sasl.ts';
import type { FaultySession } from '../faults/session-faults.ts';
import { parseCommandLine } from './command-line.ts';
import { Envelope } from './envelope.ts';
import { answersOf, Intake } from './intake.ts';
import { LINES, READS, rowOf, type State, unreadable } from './protocol.ts';
import { formatReply, REPLIES, type Reply, reply } from './replies.ts';
import type { Door, FaultingSession, SessionRoute, SmtpContext } from './session-context.ts';
import type { Chunk, ClientInfo, SmtpLimits, Step } from './session-view.ts';
import { SessionTranscript } from './transcript.ts';

/** The first byte of a TLS client that has come to the wrong port. It would wait for ever: nothing ends its line. */
const TLS_HANDSHAKE = 0x16;
/** How long a connection that a fault closes may take for what was said before. */
const DROP_GRACE_MS = 100;
/** `AUTH SCRAM-SHA-256-PLUS ` in front of a first response of the greatest length. */
const AUTH_COMMAND_BYTES = 64;

export class Session extends AsyncChat implements FaultySession {
  helo = '';
  protocol: FaultySession['protocol'] = 'SMTP';
  user = '';
  authExchange: SaslExchange | null = null;
  envelope = new Envelope();
  client: ClientInfo;
  state: State;
  readonly context: SmtpContext;
  readonly isLmtp: boolean;
  readonly intake = new Intake(this);
  readonly peer: PeerInfo;
  readonly transcript: SessionTranscript | null;
  messages = 0;
  private line = '';
  private chunk: Chunk | null = null;
  private committing = false;
  private errors = 0;
  private idleCommands = 0;
  private draining = false;
  private readonly endsAt: number;
  /** Where the command under way ends in the stream of bytes. */
  private frameEnd = 0;
  private faulting: FaultingSession | null = null;
  private readonly wire: Transport;

  constructor(transport: Transport, peer: PeerInfo, context: SmtpContext, door: Door = {}) {
    const { idle, dataIdle, message, session } = context.timeouts;
    const { maxLine } = context.limits;
    super(transport, {
      // One more for the CR, which to the framer is part of the line.
      inLimit: (context.auth === null ? maxLine : Math.max(maxLine, MAX_AUTH_LINE + AUTH_COMMAND_BYTES)) + 1,
      // The shortest first, see Deadline; enter() sets what holds.
      timeouts: { idle: Math.min(idle, dataIdle), frame: Math.min(idle, message), write: idle },
      logger: context.log,
      stats: context.stats,
    });
    this.endsAt = realClock.steady() + session;
    this.context = context;
    this.wire = transport;
    this.peer = peer;
    this.transcript = context.keepsTranscripts ? new SessionTranscript() : null;
    if (this.transcript) context.sessionOpened?.(this.transcript);
    this.isLmtp = door.lmtp ?? false;
    this.client = { address: peer.address, port: peer.port, name: '', helo: null, protocol: null };
    this.state = door.implicitTls ? 'handshake' : 'silent';
    context.sessions.add(this);
    this.setTerminator(READS.silent.terminator, READS.silent.options);
    this.expect('silent');
    context.log.debug('session.opened', { remote: this.remote });
    if (door.implicitTls) void this.startTls(door.tls).then(() => this.state === 'connected' && this.welcome());
    else this.welcome();
  }

  get hostname(): string {
    return this.context.hostname;
  }

  get limits(): SmtpLimits {
    return this.context.limits;
  }

  /** Null while nothing is to go wrong. */
  private get faults(): FaultingSession | null {
    const { faults } = this.context;
    if (faults === null) return null;
    this.faulting ??= faults.join(this);
    return this.faulting;
  }

  get greeting(): Reply {
    return { code: 220, text: `${this.hostname} ${this.isLmtp ? 'LMTP' : 'ESMTP'} lonedot` };
  }

  reset(): void {
    this.envelope = new Envelope();
    this.intake.drop();
  }

  forget(): void {
    this.reset();
    this.transcript?.reopened();
    this.helo = '';
    this.protocol = 'SMTP';
    this.user = '';
    this.authExchange = null;
  }

  route(address: string): SessionRoute | Reply {
    const client = { address: this.client.address, user: this.user, isTls: this.tls !== null };
    return this.context.route(this.envelope.sender ?? '', address, client);
  }

  /** The listener wants to close: a transaction under way may end, then the client is told. */
  drain(): void {
    this.draining = true;
    this.faulting?.hurry();
    if (this.state === 'connected' || this.state === 'ready') this.leave(REPLIES.stopping);
  }

  /** The time for that is over: the client is told in the middle of whatever it does, but for a commit under way. */
  cut(): void {
    if (this.state === 'handshake') this.abort();
    else if (!this.committing && this.state !== 'closing') this.leave(REPLIES.stopping);
  }

  protected collectIncomingData(): void {
    throw new Error('collectSlice() takes everything');
  }

  protected override collectSlice(chunk: Buffer, start: number, end: number): void {
    const { state } = this;
    if (state === 'content' || state === 'chunk') {
      const piece = chunk.subarray(start, end);
      const { faults } = this;
      const done = faults === null ? this.intake.take(piece) : faults.content(piece);
      if (done !== undefined) this.heed(done);
      return;
    }
    if (state === 'silent') return this.leave(REPLIES.tooEarly);
    if (chunk[start] === TLS_HANDSHAKE && this.line === '') return this.leave(REPLIES.tls);
    this.line += chunk.toString('latin1', start, end);
  }

  protected foundTerminator(info: FrameInfo): void | Promise<void> {
    if (this.state === 'content') return this.endOfMessage();
    if (this.state === 'chunk') return this.endOfChunk();
    if (this.state === 'silent') return this.leave(REPLIES.tooEarly);
    const ended = this.line.endsWith('\r');
    if (!ended && this.context.lineEndings === 'strict') return this.leave(REPLIES.bareLineFeed);
    const line = ended ? this.line.slice(0, -1) : this.line;
    this.line = '';
    if (realClock.steady() > this.endsAt) return this.leave(REPLIES.tooLong);
    this.frameEnd = info.offset + info.length + (info.terminator?.length ?? 0);
    if (this.context.store === null) return this.context.opening.then(() => this.take(line));
    return this.take(line);
  }

  protected override handleOverlong(): void {
    const { line } = this;
    this.line = '';
    this.transcript?.heard(line, this.state === 'auth');
    if (this.state === 'auth') {
      this.authExchange = null;
      void this.answer({ reply: REPLIES.authLineTooLong, next: 'ready' });
    } else void this.answer(unreadable(line, /^auth\s/i.test(line) ? REPLIES.authLineTooLong : REPLIES.lineTooLong));
  }

  protected override handleTimeout(kind: TimeoutKind): void {
    this.context.log.info('session.timeout', { remote: this.remote, state: this.state, kind });
    // Who takes no bytes takes no last words either, and waiting for that would have no end.
    if (kind === 'write') this.abort();
    else this.leave(REPLIES.idle);
  }

  protected override handleClose(): void {
    this.context.sessions.delete(this);
    this.faulting?.closed();
    this.intake.drop();
    this.context.log.debug('session.closed', { remote: this.remote });
  }

  private take(line: string): void | Promise<void> {
    this.transcript?.heard(line, this.state === 'auth');
    const other = LINES[this.state];
    const step = other ? other(this, line) : this.command(line);
    if (!(step instanceof Promise)) return this.answer(step, line);
    // Nothing is read meanwhile, so the state is still the same, unless we are leaving.
    return step.then(
      (done) => this.answer(done, line),
      (error: Error) => {
        this.context.log.error('session.command_failed', { remote: this.remote, error: error.message });
        return this.answer({ reply: REPLIES.notNow });
      },
    );
  }

  private command(line: string): Step | Promise<Step> {
    const command = parseCommandLine(line);
    if ('code' in command) return unreadable(line, command);
    const { verb, argument } = command;
    if (line.length > this.limits.maxLine && verb !== 'AUTH') return unreadable(line, REPLIES.lineTooLong);
    const row = rowOf(verb, this.isLmtp);
    if ('reply' in row) return row;
    if (row.last && this.context.policy.strictPipelining && this.stats.bytes > this.frameEnd)
      return { reply: REPLIES.outOfStep, next: 'closing' };
    if (row.idle && ++this.idleCommands > this.limits.maxIdleCommands) this.errors++;
    return row.in.includes(this.state) ? row.run(this, argument) : { reply: reply(503, '5.5.1', row.otherwise) };
  }

  /** What a step leads to: its effect, unless something is to go wrong here. */
  private answer(step: Step, line = ''): void | Promise<void> {
    if (this.state === 'closing') return;
    const { faults } = this;
    return faults === null ? this.apply(step) : faults.answer(step, line);
  }

  /** The one place where a step takes effect. */
  apply({ reply: said, next, chunk, upgrade }: Step): void | Promise<void> {
    if (said !== null) {
      const { code } = 'code' in said ? said : said[0]!;
      if (code >= 400) this.context.stats.refused(code);
      if (code >= 500) this.errors++;
      if (this.errors >= this.limits.maxErrors) return this.leave(REPLIES.tooManyErrors);
      this.say(said);
    }
    if (next !== undefined) this.enter(next, chunk);
    if (upgrade === 'tls') return this.startTls();
    if (chunk?.size === 0) return this.endOfChunk();
  }

  private enter(next: State, chunk?: Chunk): void {
    const before = READS[this.state];
    this.state = next;
    if (next === 'closing') return this.closeWhenDone();
    if (this.draining && (next === 'ready' || next === 'connected')) return this.leave(REPLIES.stopping);
    const mode = READS[next];
    if (mode !== before) this.expect(next);
    if (chunk) {
      this.chunk = chunk;
      // A count of 0 would mean: for ever.
      if (chunk.size > 0) this.setTerminator(chunk.size, mode.options);
    } else if (mode !== before) this.setTerminator(mode.terminator, mode.options);
  }

  /** How long the client may take in this state. */
  private expect(state: State): void {
    const { idle, dataIdle, message } = this.context.timeouts;
    const isMessage = state === 'content' || state === 'chunk';
    this.changeTimeout('idle', isMessage ? dataIdle : idle);
    // One line has no more time than the silence between two may last: so a byte now and then gains nothing.
    this.changeTimeout('frame', isMessage ? message : idle);
  }

  /** The 220, at once or when the client has shown that it can wait. */
  private welcome(): void {
    const { greetDelay } = this.context.policy;
    const greet = (): void => {
      if (this.state === 'silent') void this.answer({ reply: this.greeting, next: 'connected' });
    };
    this.state = 'silent';
    if (greetDelay === 0) greet();
    else setTimeout(greet, greetDelay).unref();
  }

  heed(what: Reply | Promise<void>): void {
    if ('code' in what) this.leave(what);
    else this.waitFor(what);
  }

  private async endOfMessage(): Promise<void> {
    // Also when the last rule has just gone: a piece of content may still wait there.
    const faults = this.faults ?? this.faulting;
    this.committing = true;
    const answer = await (faults === null ? this.intake.finish() : faults.endOfMessage(() => this.intake.finish()));
    this.committing = false;
    this.messages++;
    if (answer === null) return;
    if (answer.code === 250) this.idleCommands = 0;
    const answers = answersOf(this, answer);
    this.reset();
    return this.answer({ reply: answers, next: 'ready' });
  }

  private endOfChunk(): void | Promise<void> {
    const { chunk, intake } = this;
    this.chunk = null;
    if (intake.isOpen && chunk?.isLast) return this.endOfMessage();
    if (intake.isOpen) {
      const { refusal } = intake;
      if (refusal !== null) intake.drop();
      return this.answer({ reply: refusal ?? REPLIES.chunkOk, next: 'chunks' });
    }
    // Its octets were dropped and the answer to it is out. What belongs to the same message is dropped too.
    const { sender, isAddressed } = this.envelope;
    if (!isAddressed) return this.enter(sender === null ? 'ready' : 'sender');
    if (chunk?.isLast) this.reset();
    this.enter(chunk?.isLast ? 'ready' : 'chunks');
  }

  private async startTls(tls = this.context.tls): Promise<void> {
    const { log } = this.context;
    if (tls === null) throw new Error('TLS without a certificate');
    this.state = 'handshake';
    this.forget();
    try {
      // A server without a certificate fails each handshake with an alert.
      const context = this.faults?.failsHandshake() ? {} : tls.secureContextOptions();
      await this.upgradeTls({ role: 'server', ...context });
    } catch (error) {
      // The connection is gone with it.
      log.info('session.tls_failed', { remote: this.remote, error: (error as Error).message });
      return;
    }
    this.transcript?.note(`TLS: ${this.tls?.version} ${this.tls?.cipher}`);
    this.enter('connected');
  }

  private leave(last: Reply): void {
    this.say(last);
    this.state = 'closing';
    this.closeWhenDone();
  }

  end(how: 'drop' | 'reset'): void {
    this.state = 'closing';
    if (how === 'drop') return this.closeWhenDone(DROP_GRACE_MS);
    this.wire.reset?.();
    this.abort();
  }

  say(said: Reply | readonly Reply[]): void {
    this.transcript?.said(said);
    if ('code' in said) this.push(formatReply(said));
    else for (const one of said) this.push(formatReply(one));
  }
}
