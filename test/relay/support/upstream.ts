// A small SMTP server that can be told to answer anything at any step, to hang up there, or to say nothing at all; and
// that remembers every byte it got. It checks nothing: what is right is the business of the tests.
import { createServer, type Server, type Socket } from 'node:net';
import { until } from '../../support/within.ts';

export type Phase =
  | 'connect'
  | 'ehlo'
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
  /** The command; '' for connect, content and dot. */
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
}

const KEYWORDS = ['PIPELINING', '8BITMIME', 'SIZE 1000000000', 'ENHANCEDSTATUSCODES'];
const VERBS: Readonly<Record<string, Phase>> = {
  EHLO: 'ehlo',
  HELO: 'ehlo',
  AUTH: 'auth',
  MAIL: 'mail',
  RCPT: 'rcpt',
  DATA: 'data',
  RSET: 'rset',
  QUIT: 'quit',
};
const FRIENDLY: Readonly<Record<Exclude<Phase, 'ehlo' | 'content'>, string>> = {
  connect: '220 upstream.example ESMTP',
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

export class Upstream {
  readonly mails: ReceivedMail[] = [];
  /** Every command of every connection. */
  readonly commands: string[] = [];
  connections = 0;
  answer: (step: Step) => Act;
  readonly sockets = new Set<Socket>();
  private readonly keywords: readonly string[];
  private readonly server: Server;

  private constructor(options: UpstreamOptions) {
    this.keywords = options.keywords ?? KEYWORDS;
    this.answer = options.answer ?? (() => undefined);
    this.server = createServer({ noDelay: true }, (socket) => this.serve(socket));
  }

  static async start(options: UpstreamOptions = {}, port = 0): Promise<Upstream> {
    const upstream = new Upstream(options);
    await new Promise<void>((resolve, reject) => {
      upstream.server.once('error', reject);
      upstream.server.listen(port, '127.0.0.1', resolve);
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

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => void this.server.close(() => resolve()));
  }

  private serve(socket: Socket): void {
    const connection = ++this.connections;
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
    let mode: 'commands' | 'content' | 'over' = 'commands';
    let buffered: Buffer[] = [];
    let bytes = 0;
    let from = '';
    let to: string[] = [];

    const act = (phase: Phase, line = ''): string | undefined => {
      const step = { phase, line, connection, mails: this.mails.length, bytes };
      const chosen = this.answer(step);
      if (chosen === 'silence' || (chosen === undefined && phase === 'content')) return undefined;
      if (chosen === 'drop' || chosen === 'reset') {
        mode = 'over';
        if (chosen === 'drop') socket.destroySoon();
        else socket.resetAndDestroy();
        return undefined;
      }
      const isVain = phase === 'data' && to.length === 0;
      const reply =
        typeof chosen === 'object' ? chosen.last : (chosen ?? (isVain ? NO_RECIPIENTS : this.friendly(phase)));
      socket.write(`${reply.replaceAll('\n', '\r\n')}\r\n`, 'latin1');
      if (typeof chosen === 'object' || phase === 'quit') {
        mode = 'over';
        socket.end();
      }
      return reply;
    };

    const command = (line: string): void => {
      this.commands.push(line);
      const phase = VERBS[line.split(' ', 1)[0]!.toUpperCase()] ?? 'other';
      const reply = act(phase, line) ?? '';
      if (phase === 'mail' && reply.startsWith('2')) {
        from = line;
        to = [];
      } else if (phase === 'rcpt' && reply.startsWith('2')) to.push(line);
      else if (phase === 'data' && reply.startsWith('3')) {
        mode = 'content';
        bytes = 0;
      }
    };

    const endOfContent = (wire: Buffer): void => {
      const content = Buffer.from(wire.toString('latin1').replace(/(^|\r\n)\.(?=.)/g, '$1'), 'latin1');
      const mail = { from, to: [...to], wire, content, at: Date.now(), accepted: false };
      this.mails.push(mail);
      mode = 'commands';
      mail.accepted = act('dot')?.startsWith('2') === true;
    };

    /** False when more bytes are needed. */
    const take = (): boolean => {
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

    socket.on('data', (chunk) => {
      if (mode === 'over') return;
      buffered.push(chunk);
      // A long content is searched once, when its last bytes may be there.
      const tail = chunk.length >= 5 ? chunk : Buffer.concat(buffered).subarray(-5);
      if (mode === 'content') {
        bytes += chunk.length;
        act('content');
        if (!tail.includes('.\r\n')) return;
      }
      while ((mode as string) !== 'over' && take());
    });
    act('connect');
  }

  private friendly(phase: Phase): string {
    if (phase === 'content') throw new Error('content is not answered');
    if (phase !== 'ehlo') return FRIENDLY[phase];
    const lines = ['upstream.example', ...this.keywords];
    return lines.map((text, i) => `250${i === lines.length - 1 ? ' ' : '-'}${text}`).join('\n');
  }
}
