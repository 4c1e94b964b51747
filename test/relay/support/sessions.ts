// Sessions for tests: real ones, on a pair in memory or behind a real listener, with a store that tells what it got.
import { connect, type Socket } from 'node:net';
import { MailStats } from '../../../relay/mail-stats.ts';
import { Session } from '../../../relay/smtp/session.ts';
import type { Door, SmtpContext, SmtpPolicy, SmtpTimeouts } from '../../../relay/smtp/session-context.ts';
import type { SmtpLimits } from '../../../relay/smtp/session-view.ts';
import type { Store } from '../../../relay/store/store.ts';
import { PeerList } from '../../../src/cidr.ts';
import type { LinePolicy } from '../../../src/lines.ts';
import { Listener, type PeerInfo } from '../../../src/listen.ts';
import { memoryTransportPair } from '../../../src/memory-transport.ts';
import { socketTransport, type Transport } from '../../../src/transport.ts';
import { Client } from './client.ts';
import { RecordingLog } from './recording-log.ts';
import { ScriptedStore } from './scripted-store.ts';

export interface SceneOptions {
  readonly lineEndings?: LinePolicy;
  readonly limits?: Partial<SmtpLimits>;
  readonly timeouts?: Partial<SmtpTimeouts>;
  readonly policy?: Partial<SmtpPolicy>;
  /** Of a recipient's address. */
  readonly route?: (recipient: string) => ReturnType<SmtpContext['route']>;
  readonly door?: Door;
  /** Whatever else the context should hold. */
  readonly context?: Partial<SmtpContext>;
  /** Instead of a ScriptedStore. */
  readonly store?: Store;
}

export const PEER: PeerInfo = {
  address: '192.0.2.7',
  port: 4711,
  localAddress: '127.0.0.1',
  localPort: 2525,
  viaProxy: false,
  socketAddress: '192.0.2.7:4711',
};

const LIMITS: SmtpLimits = {
  maxSize: 1_000_000,
  maxHeader: 1_000_000,
  maxTextLine: Number.POSITIVE_INFINITY,
  maxHops: 100,
  maxOwnHops: 1,
  maxRecipients: 1000,
  maxLine: 2048,
  maxErrors: 20,
  maxMessages: Number.POSITIVE_INFINITY,
  maxIdleCommands: 100,
};
const POLICY: SmtpPolicy = {
  strictPaths: false,
  strictPipelining: false,
  greetDelay: 0,
  minDataRate: 0,
  requireTls: false,
  requireAuth: false,
  offersBinary: false,
};

/** What the sessions of one test share, and what they leave behind. */
export class Scene {
  readonly store = new ScriptedStore();
  readonly log = new RecordingLog();
  readonly stats = new MailStats();
  readonly context: SmtpContext;
  readonly sessions: Session[] = [];
  /** For each accepted message, whether it has to be delivered. */
  readonly accepted: boolean[] = [];
  private readonly door: Door;
  private listener: Listener | null = null;
  private readonly sockets: Socket[] = [];

  constructor(options: SceneOptions = {}) {
    this.context = {
      store: options.store ?? this.store,
      opening: Promise.resolve(),
      log: this.log,
      stats: this.stats,
      space: null,
      hostname: 'mx.example',
      limits: { ...LIMITS, ...options.limits },
      lineEndings: options.lineEndings ?? 'strict',
      timeouts: {
        idle: 60_000,
        dataIdle: 60_000,
        message: 60_000,
        session: Number.POSITIVE_INFINITY,
        ...options.timeouts,
      },
      policy: { ...POLICY, ...options.policy },
      sessions: new Set(),
      auth: null,
      tls: null,
      xclientFrom: new PeerList([]),
      xforwardFrom: new PeerList([]),
      route: (_sender, recipient) => options.route?.(recipient) ?? 'relay',
      accepted: ({ isWaiting }) => this.accepted.push(isWaiting),
      delivery: null,
      keepsTranscripts: false,
      faults: null,
      ...options.context,
    };
    this.door = options.door ?? {};
  }

  /** The client's end of a new session in memory. */
  inMemory(): Transport {
    const [ours, theirs] = memoryTransportPair();
    this.sessions.push(new Session(theirs, PEER, this.context, this.door));
    return ours;
  }

  /** The client's end of a new session behind a real listener. */
  async onSocket(): Promise<Transport> {
    return socketTransport(await this.socket());
  }

  async socket(): Promise<Socket> {
    if (!this.listener) {
      this.listener = new Listener({ address: { kind: 'tcp', host: '127.0.0.1', port: 0 } }, (transport, peer) => {
        const session = new Session(transport, peer, this.context, this.door);
        this.sessions.push(session);
        return session;
      });
      await this.listener.listen();
    }
    const port = Number(this.listener.address.split(':').pop());
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    this.sockets.push(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => {});
    return socket;
  }

  /** A client that has read the greeting. */
  async greeted(transport: Transport | Promise<Transport> = this.inMemory()): Promise<Client> {
    const client = new Client(await transport);
    const greeting = await client.reply();
    if (!greeting.startsWith('220 ')) throw new Error(`greeted with ${greeting}`);
    return client;
  }

  /** A client in mid-transaction: `ENV` of the corpus. */
  async withEnvelope(transport?: Transport | Promise<Transport>): Promise<Client> {
    const client = await this.greeted(transport);
    const codes = await client.codes('EHLO c.example', 'MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>');
    if (codes.join() !== '250,250,250') throw new Error(`no transaction: ${codes}`);
    return client;
  }

  /** A client that may send content now: `D` of the corpus. */
  async inData(transport?: Transport | Promise<Transport>): Promise<Client> {
    const client = await this.withEnvelope(transport);
    const reply = await client.say('DATA');
    if (!reply.startsWith('354 ')) throw new Error(`no content wanted: ${reply}`);
    return client;
  }

  /** What was stored, each message without the trace line of its own. */
  get bodies(): string[] {
    return this.store.messages.map(({ content }) => withoutTrace(content));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await this.listener?.close();
  }
}

/** Removes the one Received field that we add; throws when it is not there, or not whole. */
export function withoutTrace(content: Buffer): string {
  const text = content.toString('latin1');
  const found = /^Received: from [^\r\n]*\r\n(?:\t[^\r\n]*\r\n)+/.exec(text);
  if (!found) throw new Error(`no Received field first: ${JSON.stringify(text.slice(0, 200))}`);
  return text.slice(found[0].length);
}
