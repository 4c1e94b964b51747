// One connection with effects. A direction that no rule may touch any more passes its bytes before anybody looks at
// them, as without effects; in the others bytes pass when they were framed, and the rules have had their say. What both
// sides say is looked at as they say it: the journal shows what was said, and which effects touched it.
import type { Clock } from '../../src/clock.ts';
import type { Changer, MakeChanger } from '../changer.ts';
import type { SideName } from '../dialogue/event.ts';
import type { Observer } from '../dialogue/observer.ts';
import type { About, Remark, Tap } from '../dialogue/tap.ts';
import type { PairEnd, PairObserver, PairOutlet } from '../pair.ts';
import type { ProfileName } from '../profiles/names.ts';
import type { Kind } from '../profiles/profile.ts';
import { Answers, answerTo, UNPAIRED } from './answers.ts';
import { endOf, sliced } from './bytes.ts';
import { Contents, type Workshop } from './contents.ts';
import { ConnectionEffects, type Effects } from './effects.ts';
import { Half, type Taking } from './half.ts';
import { announced, countedKind } from './lengths.ts';
import { wordsOf } from './resp-command.ts';
import { LINES } from './rule.ts';
import { Tails } from './tails.ts';
import { Way } from './way.ts';
import { type Taken, type Worked, work } from './work.ts';

const ASTERISK = 0x2a;
const PLUS = 0x2b;

export interface EffectGateOptions {
  readonly effects: Effects;
  readonly conn: number;
  readonly clock: Clock;
  /** Changes lines before the effects see them. */
  readonly makeChanger?: MakeChanger | undefined;
}

/** Behind everything that the server has said so far. */
export type Later = (act: () => void) => void;

export class EffectGate implements PairObserver, Tap, Workshop {
  private readonly observer: Observer;
  private readonly changer: Changer | undefined;
  private readonly effects: ConnectionEffects;
  private readonly halves: Record<SideName, Half>;
  private readonly contents: Contents = new Contents(this);
  private readonly answers = new Answers();
  private readonly tails: Tails;
  private outlet: PairOutlet | null = null;
  private isOver = false;

  /** `make` makes the observer of the connection, which tells the gate what it has framed. */
  constructor({ effects, conn, clock, makeChanger }: EffectGateOptions, make: (tap: Tap, later: Later) => Observer) {
    this.effects = new ConnectionEffects(effects, conn);
    const half = (from: SideName): Half =>
      new Half(
        from,
        new Way(clock, {
          pass: (bytes) => this.outlet?.pass(from, bytes),
          end: () => this.outlet?.end(from),
          pressure: (isOver) => this.outlet?.pause(from, isOver),
        }),
      );
    this.halves = { client: half('client'), server: half('server') };
    this.observer = make(this, (act) => this.halves.server.way.after(act));
    this.changer = makeChanger?.(this.observer);
    this.tails = new Tails(clock, this.observer);
  }

  attach(outlet: PairOutlet): void {
    this.outlet = outlet;
  }

  feed(from: SideName, chunk: Buffer): void {
    if (this.isOver) return;
    const half = this.halves[from];
    const isHeld = this.holds(half);
    half.fed += chunk.length;
    if (!isHeld) {
      half.passed = half.fed;
      this.outlet?.pass(from, chunk);
    }
    this.observer.feed(from, chunk);
    if (isHeld) this.tails.mind(from);
  }

  finish(from: SideName): void {
    this.observer.finish(from);
  }

  close(end: PairEnd): void {
    this.observer.close(end);
    this.changer?.close?.();
    this.stop();
  }

  note(text: string): void {
    this.observer.note(text);
  }

  drop(from: SideName, bytes: Buffer): void {
    this.observer.drop(from, bytes);
  }

  // What the observer calls.

  framed(from: SideName, kind: Kind, bytes: Buffer, about: About): Remark | null {
    const half = this.halves[from];
    half.isInMessage = about.part || about.more;
    if (half.inserted > 0) {
      half.inserted -= bytes.length;
      half.turns.take(() => half.way.push(bytes));
      return half.insertedBy === '' ? null : { effects: [half.insertedBy] };
    }
    const start = half.seen;
    half.seen += bytes.length;
    if (this.isOver) return null;
    if (start < half.passed) {
      // It has passed, or its beginning has, when no rule was there yet.
      const rest = bytes.subarray(half.passed - start);
      half.turns.take(() => half.way.push(rest));
      return null;
    }
    if (half.seen === half.passed && !half.gathering && half.carry.length === 0) return null;
    this.effects.isTagged = this.protocol === 'imap';
    const changed = this.changer?.change(from, kind, bytes, about);
    const becomes = changed?.bytes ?? bytes;
    half.touched = new Set();
    half.note = changed?.note ?? '';
    if (becomes instanceof Promise)
      half.turns.take(() => half.turns.wait(becomes, (come) => this.take(half, kind, come, about)));
    else half.turns.take(() => this.take(half, kind, becomes, about));
    const { note, touched } = half;
    if (touched.size === 0 && note === '' && !changed) return null;
    return { ...((note || changed) && { note }), ...(touched.size > 0 && { effects: [...touched] }) };
  }

  between(): void {
    this.sayAnswers();
  }

  ended(from: SideName): void {
    const half = this.halves[from];
    half.turns.take(() => {
      this.contents.flushText(half);
      this.contents.giveUp(half);
      if (half.command.isBegun) half.way.push(half.command.take());
      half.way.end();
    });
  }

  private get protocol(): ProfileName | null {
    return this.observer.protocol as ProfileName | null;
  }

  /** Whether what this side says has to wait until it was framed. */
  private holds(half: Half): boolean {
    const { from, way, turns, seen, passed, fed, taking, gathering, awaitsPlus } = half;
    if (
      this.changer?.holds(from) ||
      turns.areWaiting ||
      way.isBusy ||
      taking ||
      gathering ||
      awaitsPlus ||
      Math.max(seen, passed) < fed
    )
      return true;
    if (this.effects.of(from).length > 0 || half.command.isBegun) return true;
    if (from === 'client') return false;
    // An answer in the server's place comes in its turn.
    return this.answers.size > 0 || this.effects.answers;
  }

  private take(half: Half, kind: Kind, bytes: Buffer, about: About): void {
    const { contents, effects, protocol } = this;
    if (half.awaitsPlus && this.answersLiteral(half, bytes)) return;
    if (half.taking) return this.takeRest(half, about);
    const isLost = kind === 'raw' || kind === 'tls';
    if (isLost && half.command.isBegun) half.way.push(half.command.take());
    if (protocol === 'resp' && half.from === 'client' && !isLost) {
      const whole = half.command.add(bytes, !about.part && !about.more);
      return whole === null ? undefined : this.takeCommand(half, whole, about);
    }
    if (half.gathering && contents.gather(half, kind, bytes, about, protocol)) return;
    if (kind === 'body' && !about.counted && effects.wantsLines(half.from)) return contents.text(half, bytes, about);
    const worked = this.matched(half, kind, bytes, about.more, about.counted);
    if (worked.taken) return this.takeAway(half, worked.taken, bytes, about);
    const mayChange =
      worked.end === null && LINES.includes(kind) && effects.rewritesCounted(half.from, countedKind(protocol));
    if (!mayChange || !contents.begins(half, worked, protocol)) this.leave(half, worked);
  }

  private takeCommand(half: Half, command: Buffer, about: About): void {
    const worked = this.matched(half, 'command', command, false, false, wordsOf(command));
    if (worked.taken) this.takeAway(half, worked.taken, command, about);
    else this.leave(half, worked);
  }

  /** A frame, or a piece, as the rules that match it make it. A piece that is not the first has no turn of its own. */
  matched(
    half: Half,
    kind: Kind,
    bytes: Buffer,
    more: boolean,
    isFixed: boolean,
    words: readonly string[] | null = null,
  ): Worked {
    const goesOn = half.goesOn && half.kind === kind;
    if (!goesOn) {
      half.before = 0;
      let text: string | undefined;
      half.current = this.effects.match(half.from, {
        kind,
        text: () => (text ??= words?.join(' ') ?? bytes.toString('latin1', 0, bytes.length - endOf(bytes))),
      });
    }
    half.goesOn = more;
    half.kind = kind;
    const worked = work({ kind, bytes, before: half.before, isFixed, words }, half.current, this.effects);
    half.before += bytes.length;
    for (const { rule } of half.current) half.touched.add(rule.text);
    half.note ||= worked.note;
    return worked;
  }

  leave({ way }: Half, { bytes, leaving, sliceMs, end }: Worked): void {
    if (sliceMs === null) way.push(bytes, leaving);
    else {
      for (const [i, piece] of sliced(bytes).entries())
        way.push(piece, { ...leaving, gapMs: sliceMs, delayMs: i === 0 ? leaving.delayMs : 0 });
    }
    if (end) way.after(() => this.end(end));
  }

  private end(how: 'close' | 'reset'): void {
    this.stop();
    this.outlet?.close(how, 'ended by an effect');
  }

  private stop(): void {
    this.isOver = true;
    for (const { way } of Object.values(this.halves)) way.close();
    this.tails.clear();
  }

  // Lines that are taken away, and answers in the server's place.

  private takeAway(half: Half, { effect, answer }: Taken, bytes: Buffer, about: About): void {
    const line = bytes.toString('latin1', 0, bytes.length - endOf(bytes));
    const isClient = half.from === 'client';
    half.taking = { effect: effect.rule.text, answer, line };
    if (isClient && UNPAIRED.has(this.protocol ?? 'raw') && answer !== null) this.answerLater(half.taking, null, 1);
    // A chunk, a literal: it goes the same way. Of the server's lines each stands for itself.
    const isBound = announced(this.protocol, line, isClient) !== null;
    this.takeRest(
      half,
      isClient ? { ...about, part: about.part || isBound } : { ...about, part: about.part && isBound },
    );
  }

  /** What belongs to a message of which the beginning was taken away. */
  private takeRest(half: Half, about: About): void {
    const taking = half.taking!;
    half.touched.add(taking.effect);
    const isAsked = half.from === 'client' && about.asks > 0;
    if (!isAsked && (about.more || about.part)) return;
    half.taking = null;
    if (!isAsked) return;
    if (taking.answer === null) this.observer.cancel();
    else
      this.answerLater(taking, about.tag === undefined ? this.observer.progress.asked - about.asks : null, about.asks);
  }

  /** Not now: the frame in hand comes first. */
  private answerLater({ answer, line, effect }: Taking, turn: number | null, count: number): void {
    const bytes = answerTo(answer!, this.protocol, line);
    for (let i = 0; i < count; i++) this.answers.add({ bytes, effect, turn: turn === null ? null : turn + i });
  }

  private sayAnswers(): void {
    const { server } = this.halves;
    while (this.answers.size > 0 && server.inserted === 0 && !server.isInMessage && !this.isOver) {
      const answer = this.answers.take(this.observer.progress.answered);
      if (!answer) return;
      server.inserted = answer.bytes.length;
      server.insertedBy = answer.effect;
      if (this.observer.insert(answer.bytes)) continue;
      server.inserted = 0;
      return this.answers.add(answer);
    }
  }

  // Literals of IMAP whose sender waits for `+`.

  goAhead(): void {
    this.answers.add({ bytes: Buffer.from('+ go on\r\n'), effect: '', turn: null });
  }

  awaitGoAhead(half: Half): void {
    half.way.after(() => half.way.block());
    this.halves.server.awaitsPlus = true;
  }

  /** True for a `+` that the client has heard already. */
  private answersLiteral(server: Half, bytes: Buffer): boolean {
    if (bytes[0] === ASTERISK) return false;
    server.awaitsPlus = false;
    const isWanted = bytes[0] === PLUS;
    if (isWanted) this.halves.client.way.open();
    else {
      // The server takes no literal, and the client has said it: nobody could make the two meet again.
      server.way.push(bytes);
      server.way.after(() => this.end('close'));
      server.note = 'the server refused a literal that was said already: the connection ends';
    }
    return true;
  }
}
