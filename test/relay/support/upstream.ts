// A small SMTP server that can be told to answer anything at any step, to hang up there, or to say nothing at all; and
// that remembers every byte it got. It checks nothing: what is right is the business of the tests.
import { createServer, type Server, type Socket } from 'node:net';
import { TLSSocket, type TlsOptions } from 'node:tls';
import { until } from '../../support/within.ts';

export type Phase =
  | 'connect'
  | 'ehlo'
  | 'starttls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'content'
  | 'dot'
  | 'rset'
  | 'quit'
  | 'other';

/** Where a client is when the script is asked. */
export interface Step {
  readonly phase: Phase;
  /** The command; '' for connect, content and dot, but under LMTP the RCPT that the reply to the dot is for. */
  readonly line: string;
  /** Connections so far, this one included, and mails whose dot has come, this one included. */
  readonly connection: number;
  readonly mails: number;
  /** Bytes of content on this connection, in the phases content and dot. */
  readonly bytes: number;
}

/**
 * A text is the reply (lines joined by LF get their CRLF); 'drop' ends the connection, 'reset' with a RST, 'silence'
 * answers nothing; `last` is a reply and then the end. undefined is what a friendly server would say.
 */
export type Act = string | { readonly last: string } | undefined;

/** Whoever looks at what came through a connection can see how it was protected. */
export interface Handshake {
  readonly protocol: string;
  /** The common name in the client's certificate; '' for none. */
  readonly client: string;
  readonly servername: string;
}

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came, with its stuffing, without the lone dot. */
  readonly wire: Buffer;
  /** Without the stuffing. */
  readonly content: Buffer;
  readonly at: number;
  /** Whether the dot was answered with 2xx. */
  accepted: boolean;
}

export interface UpstreamOptions {
  readonly keywords?: readonly string[];
  readonly answer?: (step: Step) => Act;
  /** With a certificate STARTTLS is offered, or with `implicit` TLS spoken from the first byte. */
  readonly tls?: TlsOptions & { readonly implicit?: boolean };
  /** One reply behind the dot for each recipient (RFC 2033). */
  readonly lmtp?: boolean;
  /** Listens at this path, or at this address in place of 127.0.0.1. */
  readonly path?: string;
  readonly host?: string;
}

const KEYWORDS = ['PIPELINING', '8BITMIME', 'SIZE 1000000000', 'ENHANCEDSTATUSCODES'];
const VERBS: Readonly<Record<string, Phase>> = {
  EHLO: 'ehlo',
  HELO: 'ehlo',
  LHLO: 'ehlo',
  STARTTLS: 'starttls',
  AUTH: 'auth',
  MAIL: 'mail',
  RCPT: 'rcpt',
  DATA: 'data',
  RSET: 'rset',
  QUIT: 'quit',
};
const FRIENDLY: Readonly<Record<Exclude<Phase, 'ehlo' | 'content'>, string>> = {
  connect: '220 upstream.example ESMTP',
  starttls: '220 2.0.0 Go on',
  auth: '235 2.7.0 Welcome',
  mail: '250 2.1.0 Ok',
  rcpt: '250 2.1.5 Ok',
  data: '354 Go on',
  dot: '250 2.0.0 Ok: queued as UP1',
  rset: '250 2.0.0 Ok',
  quit: '221 2.0.0 Bye',
  other: '500 5.5.2 What?',
};

const NO_RECIPIENTS = '554 5.5.1 No valid recipients';

/** What a client is asked before its AUTH is answered. */
const CHALLENGES: Readonly<Record<string, readonly string[]>> = {
  'AUTH LOGIN': ['334 VXNlcm5hbWU6', '334 UGFzc3dvcmQ6'],
  'AUTH CRAM-MD5': ['334 PDEyMy40NTZAdXBzdHJlYW0uZXhhbXBsZT4='],
};

export class Upstream {
  readonly mails: ReceivedMail[] = [];
  /** Every command of every connection, and what each of them got with one read. */
  readonly commands: string[] = [];
  readonly reads: string[] = [];
  readonly handshakes: Handshake[] = [];
  connections = 0;
  answer: (step: Step) => Act;
  readonly sockets = new Set<Socket>();
  private readonly options: UpstreamOptions;
  private readonly server: Server;

  private constructor(options: UpstreamOptions) {
    this.options = options;
    this.answer = options.answer ?? (() => undefined);
    this.server = createServer({ noDelay: true }, (socket) => this.serve(socket));
  }

  static async start(options: UpstreamOptions = {}, port = 0): Promise<Upstream> {
    const upstream = new Upstream(options);
    await new Promise<void>((resolve, reject) => {
      upstream.server.once('error', reject);
      if (options.path) upstream.server.listen(options.path, resolve);
      else upstream.server.listen(port, options.host ?? '127.0.0.1', resolve);
    });
    return upstream;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  get accepted(): ReceivedMail[] {
    return this.mails.filter((mail) => mail.accepted);
  }

  verbs(): string[] {
    return this.commands.map((line) => line.split(' ', 1)[0]!.toUpperCase());
  }

  /** Waits until so many mails have been accepted. */
  got(count: number, ms = 4000): Promise<void> {
    return until(ms, () => this.accepted.length >= count, `${count} mails at the upstream`);
  }

  /** Waits until nobody is connected any more. */
  left(ms = 4000): Promise<void> {
    return until(ms, () => this.sockets.size === 0, 'the end of all connections');
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => void this.server.close(() => resolve()));
  }

  private serve(plain: Socket): void {
    const connection = ++this.connections;
    const { tls, lmtp } = this.options;
    let socket = plain;
    let mode: 'commands' | 'content' | 'handshake' | 'over' = 'commands';
    let buffered: Buffer[] = [];
    let bytes = 0;
    let from = '';
    let to: string[] = [];
    let challenges: readonly string[] = [];

    const act = (phase: Phase, line = ''): string | undefined => {
      const step = { phase, line, connection, mails: this.mails.length, bytes };
      const chosen = this.answer(step);
      if (chosen === 'silence' || (chosen === undefined && phase === 'content')) return undefined;
      if (chosen === 'drop' || chosen === 'reset') {
        mode = 'over';
        if (chosen === 'drop') socket.destroySoon();
        else plain.resetAndDestroy();
        return undefined;
      }
      const isVain = phase === 'data' && to.length === 0;
      const friendly = phase === 'ehlo' ? this.greeting(socket !== plain) : FRIENDLY[phase as keyof typeof FRIENDLY];
      const reply = typeof chosen === 'object' ? chosen.last : (chosen ?? (isVain ? NO_RECIPIENTS : friendly));
      socket.write(`${reply.replaceAll('\n', '\r\n')}\r\n`, 'latin1');
      if (typeof chosen === 'object' || phase === 'quit') {
        mode = 'over';
        socket.end();
      }
      return reply;
    };

    const command = (line: string): void => {
      this.commands.push(line);
      const [next] = challenges;
      if (next !== undefined) {
        challenges = challenges.slice(1);
        if (challenges.length > 0) socket.write(`${challenges[0]}\r\n`);
        else act('auth', line);
        return;
      }
      const asked = CHALLENGES[line];
      if (asked) {
        challenges = asked;
        socket.write(`${asked[0]}\r\n`);
        return;
      }
      const named = VERBS[line.split(' ', 1)[0]!.toUpperCase()] ?? 'other';
      const phase = named === 'starttls' && (!tls || tls.implicit || socket !== plain) ? 'other' : named;
      const reply = act(phase, line) ?? '';
      if (phase === 'mail' && reply.startsWith('2')) {
        from = line;
        to = [];
      } else if (phase === 'rcpt' && reply.startsWith('2')) to.push(line);
      else if (phase === 'data' && reply.startsWith('3')) {
        mode = 'content';
        bytes = 0;
      } else if (phase === 'starttls' && reply.startsWith('220') && (mode as string) !== 'over') secure(false);
    };

    const secure = (greets: boolean): void => {
      mode = 'handshake';
      buffered = [];
      plain.removeListener('data', take);
      const secured = new TLSSocket(plain, { isServer: true, ...tls });
      this.sockets.add(secured);
      secured.on('close', () => this.sockets.delete(secured));
      secured.on('error', () => {});
      secured.on('secure', () => {
        const client = String(secured.getPeerCertificate().subject?.CN ?? '');
        const { servername } = secured as unknown as { servername: string | false };
        this.handshakes.push({ protocol: secured.getProtocol() ?? '', client, servername: servername || '' });
        if (greets) act('connect');
      });
      socket = secured;
      mode = 'commands';
      secured.on('data', take);
    };

    const endOfContent = (wire: Buffer): void => {
      const content = Buffer.from(wire.toString('latin1').replace(/(^|\r\n)\.(?=.)/g, '$1'), 'latin1');
      const mail = { from, to: [...to], wire, content, at: Date.now(), accepted: false };
      this.mails.push(mail);
      mode = 'commands';
      for (const line of lmtp ? mail.to : ['']) {
        if (act('dot', line)?.startsWith('2')) mail.accepted = true;
      }
    };

    /** False when more bytes are needed. */
    const step = (): boolean => {
      const all = buffered.length === 1 ? buffered[0]! : Buffer.concat(buffered);
      buffered = [all];
      if (mode === 'commands') {
        const end = all.indexOf('\r\n');
        if (end === -1) return false;
        buffered = [all.subarray(end + 2)];
        command(all.toString('latin1', 0, end));
        return true;
      }
      const isEmpty = all.length >= 3 && all.toString('latin1', 0, 3) === '.\r\n';
      const mark = isEmpty ? -2 : all.indexOf('\r\n.\r\n');
      if (mark === -1) return false;
      buffered = [all.subarray(mark + 5)];
      endOfContent(all.subarray(0, mark + 2));
      return true;
    };

    const take = (chunk: Buffer): void => {
      if (mode === 'over') return;
      if (mode === 'commands') this.reads.push(chunk.toString('latin1'));
      buffered.push(chunk);
      // A long content is searched once, when its last bytes may be there.
      const tail = chunk.length >= 5 ? chunk : Buffer.concat(buffered).subarray(-5);
      if (mode === 'content') {
        bytes += chunk.length;
        act('content');
        if (!tail.includes('.\r\n')) return;
      }
      while ((mode === 'commands' || mode === 'content') && step());
    };

    this.sockets.add(plain);
    plain.on('close', () => this.sockets.delete(plain));
    plain.on('error', () => {});
    if (tls?.implicit) return secure(true);
    plain.on('data', take);
    act('connect');
  }

  private greeting(isSecure: boolean): string {
    const { keywords = KEYWORDS, tls } = this.options;
    const lines = ['upstream.example', ...keywords, ...(tls && !isSecure ? ['STARTTLS'] : [])];
    return lines.map((text, i) => `250${i === lines.length - 1 ? ' ' : '-'}${text}`).join('\n');
  }
}
