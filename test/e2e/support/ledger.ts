// Books about mail that passes a relay which dies and comes back: what was sent and promised, what has arrived and how
// often. The upstream side of the books is a server that refuses some recipients, puts some off, and sometimes hangs up
// when it has just taken a mail.
import { createHash } from 'node:crypto';
import { withoutTrace } from '../../relay/support/sessions.ts';
import { type ReceivedMail, Upstream } from '../../relay/support/upstream.ts';

export interface Sent {
  readonly name: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly content: string;
  /** All of it was handed to the connection. */
  isWhole: boolean;
  /** It was answered 250. */
  isPromised: boolean;
}

export interface Arrival {
  readonly at: number;
  /** At which of the upstreams. */
  readonly place: number;
  /** The upstream said 250 to it. */
  readonly isAnswered: boolean;
}

export interface Chances {
  /** Of a mail to have one more recipient, up to four. */
  readonly more: number;
  /** Of a recipient to be refused, or put off, by the upstream. */
  readonly refused: number;
  readonly putOff: number;
  /** Of a mail to be taken and not answered. */
  readonly dropped: number;
  /** Of a mail to be long: up to 300 kB. */
  readonly long: number;
}

const SOME: Chances = { more: 0.4, refused: 0.05, putOff: 0.02, dropped: 0.01, long: 0.05 };

export class Ledger {
  /** One for each process that delivers, where it matters who delivered what. */
  readonly upstreams: readonly Upstream[];
  /** When a process was killed, or went to sleep for longer than its leases. */
  readonly kills: number[] = [];
  /** What must not be: damaged mail, mail that nobody has sent, recipients that nobody has named. */
  readonly wrongs: string[] = [];
  private readonly random: () => number;
  private readonly chances: Chances;
  private readonly sent = new Map<string, Sent>();
  private readonly arrivals = new Map<string, Arrival[]>();
  private readonly bounced = new Map<string, number>();

  private constructor(upstreams: readonly Upstream[], random: () => number, chances: Chances) {
    this.upstreams = upstreams;
    this.random = random;
    this.chances = chances;
    for (const upstream of upstreams) {
      upstream.answer = ({ phase, line }) => {
        if (phase === 'rcpt' && line.includes('<no.')) return '550 5.1.1 No such user';
        if (phase === 'rcpt' && random() < chances.putOff) return '451 4.3.0 Later';
        return phase === 'dot' && random() < chances.dropped ? 'drop' : undefined;
      };
    }
  }

  static async open(random: () => number, chances: Partial<Chances> = {}, upstreams = 1): Promise<Ledger> {
    const opened = await Promise.all(Array.from({ length: upstreams }, () => Upstream.start()));
    return new Ledger(opened, random, { ...SOME, ...chances });
  }

  get upstream(): Upstream {
    return this.upstreams[0]!;
  }

  async close(): Promise<void> {
    await Promise.all(this.upstreams.map((upstream) => upstream.stop()));
  }

  /** A new mail: its name and the hash of its body are in its header, dots are at the beginning of its lines. */
  write(): Sent {
    const { random, chances } = this;
    const name = `m${this.sent.size + 1}`;
    const recipients: string[] = [];
    do {
      const kind = random() < chances.refused ? 'no' : 'yes';
      recipients.push(`${kind}.${name}.${recipients.length}@y.example`);
    } while (recipients.length < 4 && random() < chances.more);
    const line = `${`.${name} `.repeat(12)}\r\n`;
    const size = random() < chances.long ? 300_000 * random() : 2_000 * random();
    const body = line.repeat(Math.ceil(size / line.length));
    const content = `X-Name: ${name}\r\nX-Hash: ${hashOf(body)}\r\n\r\n${body}`;
    const mail = { name, sender: `${name}@x.example`, recipients, content, isWhole: false, isPromised: false };
    this.sent.set(name, mail);
    return mail;
  }

  get promised(): number {
    return [...this.sent.values()].filter(({ isPromised }) => isPromised).length;
  }

  /** Enters what has arrived since; nothing of it is kept in memory. */
  post(): void {
    for (const [place, upstream] of this.upstreams.entries()) {
      for (const mail of upstream.mails.splice(0)) this.enter(mail, place);
      upstream.commands.length = 0;
      upstream.reads.length = 0;
    }
  }

  /** Who was promised a mail and has not got it, nor has its sender been told. */
  missing(): string[] {
    this.post();
    const missing: string[] = [];
    for (const { recipients, isPromised } of this.sent.values()) {
      if (!isPromised) continue;
      for (const one of recipients) if (!this.arrivals.has(one) && !this.bounced.has(one)) missing.push(one);
    }
    return missing;
  }

  /** The second and later arrivals, each with the one before it. */
  copies(): { recipient: string; before: Arrival; after: Arrival }[] {
    return [...this.arrivals].flatMap(([recipient, arrivals]) => {
      const inTime = arrivals.toSorted((one, other) => one.at - other.at);
      return inTime.slice(1).map((after, i) => ({ recipient, before: inTime[i]!, after }));
    });
  }

  /** One line about all of it. `unexplained` are copies without a reason: nobody died, and the first was answered. */
  report(): { line: string; unexplained: string[] } {
    const unexplained: string[] = [];
    let unanswered = 0;
    let died = 0;
    for (const { recipient, before, after } of this.copies()) {
      if (!before.isAnswered) unanswered++;
      else if (this.kills.some((at) => at >= before.at && at <= after.at)) died++;
      else unexplained.push(recipient);
    }
    const again = [...this.bounced.values()].reduce((sum, times) => sum + times - 1, 0);
    const line =
      `sent ${this.sent.size}, answered 250 ${this.promised}; ${this.kills.length} times killed; ` +
      `recipients reached ${this.arrivals.size}, bounced ${this.bounced.size}, lost ${this.missing().length}; ` +
      `damaged or never sent ${this.wrongs.length}; copies: ${unanswered} after an unanswered dot, ` +
      `${died} over a kill, ${unexplained.length} unexplained; bounces twice ${again}`;
    return { line, unexplained };
  }

  private enter({ from, to, content, at, accepted }: ReceivedMail, place: number): void {
    if (from.startsWith('MAIL FROM:<>')) return this.enterBounce(content);
    const found = /^X-Name: (\S+)\r\nX-Hash: (\S+)\r\n\r\n([\s\S]*)$/.exec(withoutTrace(content));
    const [, name = '', hash, body = ''] = found ?? [];
    const mail = this.sent.get(name);
    if (!mail || hashOf(body) !== hash) this.wrongs.push(`damaged: ${content.toString('latin1', 0, 300)}`);
    else if (!mail.isWhole) this.wrongs.push(`${name} was never sent whole`);
    else {
      for (const line of to) {
        const address = addressIn(line);
        if (!mail.recipients.includes(address)) this.wrongs.push(`${name} came to ${address}`);
        const arrivals = this.arrivals.get(address) ?? [];
        arrivals.push({ at, place, isAnswered: accepted });
        this.arrivals.set(address, arrivals);
      }
    }
  }

  private enterBounce(content: Buffer): void {
    const recipients = [...content.toString('latin1').matchAll(/^Final-Recipient: *rfc822; *(\S+)/gim)];
    if (recipients.length === 0) this.wrongs.push(`a bounce of nothing: ${content.toString('latin1', 0, 300)}`);
    for (const [, one = ''] of recipients) {
      if (!one.startsWith('no.')) this.wrongs.push(`a bounce of ${one}`);
      this.bounced.set(one, (this.bounced.get(one) ?? 0) + 1);
    }
  }
}

function addressIn(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? '';
}

function hashOf(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}
