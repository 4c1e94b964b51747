// What the rules do to one session. The session asks here, while there is a rule, at each place where something takes
// effect: a step, a piece of content, the end of a message, a TLS handshake. What a command did to the session is undone
// when its answer becomes a refusal.
import { type Clock, realClock, type TimerHandle } from '../../src/clock.ts';
import type { Envelope } from '../smtp/envelope.ts';
import { answersOf } from '../smtp/intake.ts';
import type { State } from '../smtp/protocol.ts';
import { type Reply, reply } from '../smtp/replies.ts';
import type { FaultingSession } from '../smtp/session-context.ts';
import type { SmtpSession, Step } from '../smtp/session-view.ts';
import { type FaultFacts, phaseOfVerb } from './fault-match.ts';
import type { FaultRule, Phase } from './fault-rule.ts';

/** What a session lets a fault do to it. */
export interface FaultySession extends SmtpSession {
  /** As if there were no faults. */
  apply(step: Step): void | Promise<void>;
  say(said: Reply | readonly Reply[]): void;
  heed(what: Reply | Promise<void>): void;
  /** Ends the connection without a word. */
  end(how: 'drop' | 'reset'): void;
}

/** Takes back what a command did to the session, and gives the state in which it is then, where that is another. */
const UNDO: Readonly<Partial<Record<Phase, (session: FaultySession) => State | undefined>>> = {
  connect: () => 'closing',
  ehlo: forgetName,
  helo: forgetName,
  mail: (session) => void session.reset(),
  rcpt: ({ envelope }) => void envelope.recipients.pop(),
  data: ({ intake }) => void intake.drop(),
  auth: (session) => {
    session.user = '';
    return 'ready';
  },
};

function forgetName(session: FaultySession): State {
  session.helo = '';
  return 'connected';
}

/** Finds what happens now. */
export interface Striking {
  find(phase: Phase, facts: () => FaultFacts): FaultRule | null;
}

export class SessionFaults implements FaultingSession {
  private readonly session: FaultySession;
  private readonly rules: Striking;
  private readonly clock: Clock;
  private commands = 0;
  /** Of the message that is coming in: what happens to its content, and how much of it there was. */
  private message: Envelope | null = null;
  private contentRule: FaultRule | null = null;
  private contentBytes = 0;
  private contentSince = 0;
  private taking: Promise<void> | null = null;
  private isGone = false;
  private readonly waits = new Map<TimerHandle, () => void>();

  constructor(session: FaultySession, rules: Striking, clock: Clock = realClock) {
    this.session = session;
    this.rules = rules;
    this.clock = clock;
  }

  answer(step: Step, line: string): void | Promise<void> {
    const { session } = this;
    const isCommand = line !== '' && session.state !== 'auth';
    const phase = phaseOf(session, step, line);
    const rule = (phase && this.find(phase, step)) ?? (isCommand ? this.find('command', step) : null);
    if (isCommand) this.commands++;
    if (rule === null) return session.apply(step);
    return this.inject(rule, () => (rule.reply === undefined ? session.apply(step) : this.refuse(rule, step, line)));
  }

  content(piece: Buffer): Reply | undefined | Promise<void> {
    const { session } = this;
    const isFirst = this.message !== session.envelope;
    if (isFirst) this.beginContent();
    const { contentRule: rule } = this;
    if (rule === null) return session.intake.take(piece);
    this.contentBytes += piece.length;
    const { throttle, delay = 0 } = rule;
    const paced = throttle === undefined ? 0 : (this.contentBytes / throttle) * 1000;
    const wait = isFirst || paced > 0 ? this.contentSince + delay + paced - this.clock.steady() : 0;
    if (wait > 0) {
      this.taking = this.wait(wait).then(() => this.takeContent(rule, piece));
      return this.taking;
    }
    this.takeContent(rule, piece);
    return undefined;
  }

  async endOfMessage(finish: () => Promise<Reply>): Promise<Reply | null> {
    const { session } = this;
    // The end mark comes along with the last piece, which may wait here.
    await this.taking;
    if (this.isGone || session.state === 'closing') return null;
    const rule = session.intake.refusal === null ? this.find('dot') : null;
    if (rule === null) return finish();
    let answer = null as Reply | null;
    await this.inject(rule, async () => {
      if (rule.reply === undefined) answer = await finish();
      else this.refuseMessage(rule);
    });
    if (answer === null || (rule.drop ?? rule.reset) !== 'after') return answer;
    this.endBy(rule);
    return null;
  }

  failsHandshake(): boolean {
    const rule = this.find('tls');
    if (rule === null) return false;
    this.note(rule, what(rule));
    if (rule.fail) return true;
    this.endBy(rule);
    return false;
  }

  /** The connection is gone. */
  closed(): void {
    this.isGone = true;
    this.hurry();
  }

  /** The server stops: nobody waits any longer. */
  hurry(): void {
    for (const [timer, go] of this.waits) {
      this.clock.clearTimeout(timer);
      go();
    }
    this.waits.clear();
  }

  private find(phase: Phase, step?: Step): FaultRule | null {
    const { session } = this;
    return this.rules.find(phase, () => ({
      localAddress: session.peer.localAddress,
      localPort: session.peer.localPort,
      commands: this.commands,
      user: session.user,
      sender: session.envelope.sender,
      recipients: recipientsOf(session, phase === 'rcpt' && step !== undefined),
    }));
  }

  /** The delay, then the end of the connection, or what stands in the place of it. */
  private inject(rule: FaultRule, otherwise: () => void | Promise<void>): void | Promise<void> {
    const { session } = this;
    this.note(rule, what(rule));
    const act = (): void | Promise<void> => {
      if (this.isGone || session.state === 'closing') return;
      if ((rule.drop ?? rule.reset) === 'before') this.endBy(rule);
      else {
        if ((rule.drop ?? rule.reset) === 'after' && session.transcript) session.transcript.unanswered = true;
        return otherwise();
      }
    };
    return rule.delay === undefined ? act() : this.wait(rule.delay).then(act);
  }

  private refuse(rule: FaultRule, step: Step, line: string): void | Promise<void> {
    const { session } = this;
    const said = replyOf(rule);
    session.authExchange = null;
    const phase = phaseOf(session, step, line);
    // What was refused already, or cannot be undone, has its effect; but no login goes on.
    const undone = phase !== null && phase !== 'rset';
    let next = undone ? UNDO[phase]?.(session) : step.next === 'auth' ? undefined : step.next;
    if (said.code === 421) next = 'closing';
    this.tell(said);
    // The octets behind a BDAT are none of our commands, whatever the answer is.
    if (step.chunk && next !== 'closing') return session.apply({ reply: null, next: 'chunk', chunk: step.chunk });
    return session.apply(next === undefined ? { reply: null } : { reply: null, next });
  }

  private refuseMessage(rule: FaultRule): void {
    const { session } = this;
    const said = replyOf(rule);
    const answers = answersOf(session, said);
    session.reset();
    for (const one of answers) this.tell(one);
    void session.apply({ reply: null, next: said.code === 421 ? 'closing' : 'ready' });
  }

  /** Not counted as the client's error: it is none. */
  private tell(said: Reply): void {
    this.session.context.stats.refused(said.code);
    this.session.say(said);
  }

  private beginContent(): void {
    const { session } = this;
    this.message = session.envelope;
    this.contentRule = session.intake.isOpen ? this.find('content') : null;
    this.contentBytes = 0;
    this.contentSince = this.clock.steady();
    if (this.contentRule !== null) this.note(this.contentRule, what(this.contentRule));
  }

  private takeContent(rule: FaultRule, piece: Buffer): void {
    const { session } = this;
    if (this.isGone || session.state === 'closing') return;
    if (rule.drop ?? rule.reset) return this.endBy(rule);
    if (rule.truncate !== undefined && this.contentBytes > rule.truncate) return session.end('drop');
    // Time that passed here is not the client's.
    session.intake.waited();
    const done = session.intake.take(piece);
    if (done !== undefined) session.heed(done);
  }

  private endBy(rule: FaultRule): void {
    this.session.end(rule.reset === undefined ? 'drop' : 'reset');
  }

  private wait(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.clock.setTimeout(() => {
        this.waits.delete(timer);
        resolve();
      }, ms);
      this.waits.set(timer, resolve);
    });
  }

  private note(rule: FaultRule, text: string): void {
    const { session } = this;
    session.transcript?.note(`fault ${rule.id}: ${text}`);
    session.context.log.info('fault.injected', {
      rule: rule.id,
      phase: rule.phase,
      fault: text,
      client: session.client.address,
    });
  }
}

/** What a rule does, for people. */
function what(rule: FaultRule): string {
  const parts: string[] = [];
  if (rule.delay !== undefined) parts.push(`wait ${rule.delay} ms`);
  if (rule.reply !== undefined) parts.push(`answer ${rule.reply}`);
  for (const how of ['drop', 'reset'] as const) {
    const when = rule[how];
    if (when === undefined) continue;
    const where = rule.phase === 'dot' ? (when === 'before' ? ', not stored' : ', stored') : '';
    parts.push(`${how === 'drop' ? 'close' : 'reset'} the connection${where}`);
  }
  if (rule.truncate !== undefined) parts.push(`cut the content after ${rule.truncate} bytes`);
  if (rule.throttle !== undefined) parts.push(`read ${rule.throttle} bytes a second`);
  if (rule.fail) parts.push('fail the handshake');
  return parts.join(', ');
}

function replyOf({ reply: text, phase }: FaultRule): Reply {
  const [, code = '451', status, said] = /^(\d{3})(?: ([45]\.\d{1,3}\.\d{1,3}))?(?: ?(.*))$/.exec(text ?? '') ?? [];
  return reply(Number(code), status ?? `${code[0]}.3.0`, said || `A fault at ${phase} that was asked for`);
}

/** What the step is to the rules. Null for one that refuses already, and for what is no moment of theirs. */
function phaseOf(session: SmtpSession, { reply: said }: Step, line: string): Phase | null {
  const first = said === null ? null : 'code' in said ? said : said[0]!;
  if (first !== null && first.code >= 400) return null;
  if (line === '') return session.state === 'silent' && first?.code === 220 ? 'connect' : null;
  if (first?.code === 235) return 'auth';
  if (session.state === 'auth') return null;
  const phase = phaseOfVerb(line);
  // The message began with its first chunk.
  return phase === 'data' && session.state === 'chunks' ? null : phase;
}

function recipientsOf({ envelope }: SmtpSession, lastOnly: boolean): string[] {
  return (lastOnly ? envelope.recipients.slice(-1) : envelope.recipients).map(({ address }) => address);
}
