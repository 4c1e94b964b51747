// One SMTP connection: bytes to lines to steps to replies. What the protocol is stands in protocol.ts; here is how a
// connection lives through it: limits, errors counted, the message to the store, the way out.
import { AsyncChat } from '../src/chat.ts';
import type { TimeoutKind } from '../src/deadlines.ts';
import type { FrameInfo } from '../src/frame.ts';
import type { LinePolicy } from '../src/lines.ts';
import type { PeerInfo } from '../src/listen.ts';
import type { Log } from '../src/log.ts';
import type { ProtocolStats } from '../src/stats.ts';
import type { Transport } from '../src/transport.ts';
import { parseCommandLine } from './command-line.ts';
import { Content } from './content.ts';
import { Envelope } from './envelope.ts';
import { BARE_LF, COMMANDS, NOT_IMPLEMENTED, NOT_SMTP, READS, type Row, type State } from './protocol.ts';
import { receivedHeader } from './received.ts';
import { formatReply, REPLIES, type Reply, reply } from './replies.ts';
import type { SmtpLimits, SmtpSession, Step } from './session-view.ts';
import type { Claim, Lease, RouteKind, Store } from './store/store.ts';

/** Commands that do nothing, between two messages, after which each more counts as an error. */
const MAX_IDLE_COMMANDS = 100;
/** The first byte of a TLS client that has come to the wrong port. It would wait for ever: nothing ends its line. */
const TLS_HANDSHAKE = 0x16;

/** What all sessions of a server share. */
export interface SmtpContext {
  /** Null until it is open: commands that come earlier wait for `opening`. */
  store: Store | null;
  readonly opening: Promise<unknown>;
  readonly log: Log;
  readonly stats: ProtocolStats;
  readonly hostname: string;
  readonly limits: SmtpLimits;
  readonly lineEndings: LinePolicy;
  readonly timeouts: { readonly idle: number; readonly frame: number };
  /** Those that are open: each puts itself in and out. */
  readonly sessions: Set<Session>;
  route(address: string, peer: PeerInfo): RouteKind | Reply;
  /** A message was committed; `waiting` when it has to be delivered and nobody has it yet. */
  accepted: (waiting: boolean) => void;
  /** Takes mail for delivery in the commit that accepts it; null when nothing is delivered here. */
  delivery: DeliveryDesk | null;
}

/** Where a session hands in what it is about to commit, so that its delivery needs no further look into the store. */
export interface DeliveryDesk {
  /** A lease for one mail, or null when enough is under way: then it stays in the store until it is its turn. */
  reserve(): Lease | null;
  /** Follows each lease: the mail that was committed under it, or null when there is none. */
  use(lease: Lease, claim: Claim | null): void;
}

export class Session extends AsyncChat implements SmtpSession {
  helo = '';
  protocol: 'SMTP' | 'ESMTP' = 'SMTP';
  envelope = new Envelope();
  private readonly context: SmtpContext;
  private readonly peer: PeerInfo;
  private state: State = 'connected';
  private line = '';
  private content: Content | null = null;
  private errors = 0;
  private idleCommands = 0;
  private draining = false;

  constructor(transport: Transport, peer: PeerInfo, context: SmtpContext) {
    const { idle, frame } = context.timeouts;
    super(transport, {
      inLimit: context.limits.maxLine,
      timeouts: { idle, frame, write: idle },
      logger: context.log,
      stats: context.stats,
    });
    this.context = context;
    this.peer = peer;
    context.sessions.add(this);
    this.setTerminator(READS.connected.terminator, READS.connected.options);
    this.say({ code: 220, text: `${context.hostname} ESMTP lonedot` });
    context.log.debug('session.opened', { remote: this.remote });
  }

  get hostname(): string {
    return this.context.hostname;
  }

  get limits(): SmtpLimits {
    return this.context.limits;
  }

  reset(): void {
    this.envelope = new Envelope();
  }

  route(address: string): RouteKind | Reply {
    return this.context.route(address, this.peer);
  }

  beginContent(): void {
    const { store, lineEndings, hostname } = this.context;
    if (store === null) throw new Error('a command ran before the store was open');
    const writer = store.begin();
    const { recipients } = this.envelope;
    const header = receivedHeader({
      helo: this.helo,
      client: this.peer.address,
      by: hostname,
      protocol: this.protocol,
      id: writer.id,
      recipient: recipients.length === 1 ? recipients[0]!.address : null,
      at: new Date(),
    });
    const options = { lineEndings, maxSize: this.limits.maxSize, header: Buffer.from(header, 'latin1') };
    this.content = new Content(writer, options);
  }

  /** The listener wants to close: a transaction under way may end, then the client is told. */
  drain(): void {
    this.draining = true;
    if (this.state === 'connected' || this.state === 'ready') this.leave(REPLIES.stopping);
  }

  /** The time for that is over: the client is told in the middle of whatever it does, but for a commit under way. */
  cut(): void {
    const isCommitting = this.state === 'content' && this.content === null;
    if (!isCommitting && this.state !== 'closing') this.leave(REPLIES.stopping);
  }

  protected collectIncomingData(data: Buffer): void {
    if (this.content === null) {
      if (data[0] === TLS_HANDSHAKE && this.line === '') return this.leave(REPLIES.tls);
      this.line += data.toString('latin1');
      return;
    }
    const wait = this.content.take(data);
    if (wait !== undefined) this.waitFor(wait);
    if (this.content.endless) this.leave(REPLIES.endless);
  }

  protected foundTerminator(info: FrameInfo): void | Promise<void> {
    if (this.content !== null) return this.endOfData(this.content);
    const { line } = this;
    this.line = '';
    if (info.terminator === BARE_LF && this.context.lineEndings === 'strict') return this.leave(REPLIES.bareLineFeed);
    if (this.context.store === null) return this.context.opening.then(() => this.command(line));
    this.command(line);
  }

  protected override handleOverlong(): void {
    this.line = '';
    this.answer({ reply: REPLIES.lineTooLong });
  }

  protected override handleTimeout(kind: TimeoutKind): void {
    this.context.log.info('session.timeout', { remote: this.remote, state: this.state, kind });
    // Who takes no bytes takes no last words either, and waiting for that would have no end.
    if (kind === 'write') this.abort();
    else this.leave(REPLIES.idle);
  }

  protected override handleClose(): void {
    this.context.sessions.delete(this);
    this.content?.abort();
    this.content = null;
    this.context.log.debug('session.closed', { remote: this.remote });
  }

  private command(line: string): void {
    const command = parseCommandLine(line);
    if ('code' in command) return this.answer({ reply: command });
    const { verb, argument } = command;
    if (!Object.hasOwn(COMMANDS, verb)) {
      if (NOT_SMTP.has(verb)) return this.leave(REPLIES.notSmtp);
      return this.answer({ reply: NOT_IMPLEMENTED.has(verb) ? REPLIES.notImplemented : REPLIES.unknown });
    }
    const row = COMMANDS[verb]!;
    if (row.idle && ++this.idleCommands > MAX_IDLE_COMMANDS) this.errors++;
    this.answer(row.in.includes(this.state) ? row.run(this, argument) : this.refusal(row));
  }

  private refusal(row: Row): Step {
    return { reply: reply(503, '5.5.1', row.otherwise) };
  }

  /** The one place where a step takes effect. */
  private answer({ reply: r, next }: Step): void {
    if (r.code >= 500) this.errors++;
    if (this.errors >= this.limits.maxErrors) return this.leave(REPLIES.tooManyErrors);
    this.say(r);
    if (next !== undefined) this.enter(next);
  }

  private enter(next: State): void {
    const before = READS[this.state];
    this.state = next;
    if (next === 'closing') return this.closeWhenDone();
    if (this.draining && next === 'ready') return this.leave(REPLIES.stopping);
    const mode = READS[next];
    if (mode !== before) this.setTerminator(mode.terminator, mode.options);
  }

  private async endOfData(content: Content): Promise<void> {
    // From here on the message is complete: it is stored even if the client is gone meanwhile (RFC 1047).
    this.content = null;
    let answer: Reply;
    try {
      answer = (await content.finish()) ?? (await this.commit(content));
    } catch (error) {
      content.abort();
      this.context.log.error('message.not_stored', { id: content.id, error: (error as Error).message });
      answer = REPLIES.storeFailed;
    }
    if (answer.code === 250) this.idleCommands = 0;
    this.reset();
    this.answer({ reply: answer, next: 'ready' });
  }

  private async commit(content: Content): Promise<Reply> {
    const { sender, parameters, recipients } = this.envelope;
    const { log, delivery } = this.context;
    const relayed = recipients.some((one) => one.route === 'relay');
    const place = relayed ? (delivery?.reserve() ?? null) : null;
    let claim: Claim | null = null;
    try {
      const message = {
        receivedAt: Date.now(),
        sender: sender ?? '',
        parameters,
        helo: this.helo,
        clientAddress: this.peer.address,
        protocol: this.protocol,
        tls: '',
        authUser: '',
        recipients,
      };
      claim = await content.commit(message, place ?? undefined);
    } finally {
      if (place) delivery?.use(place, claim);
    }
    this.context.accepted(relayed && place === null);
    log.info('message.accepted', {
      id: content.id,
      from: sender,
      to: recipients.map((r) => r.address),
      size: content.size,
    });
    return reply(250, '2.0.0', `Ok: queued as ${content.id}`);
  }

  private leave(last: Reply): void {
    this.say(last);
    this.state = 'closing';
    this.closeWhenDone();
  }

  private say(r: Reply): void {
    this.push(formatReply(r));
  }
}
