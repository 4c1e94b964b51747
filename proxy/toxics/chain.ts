// The toxics of one direction of one connection, in a row: an intake, a stage for each toxic, a tail. Toxics come and go
// while bytes are under way: what waited for a toxic that is taken away moves to the next stage, so nothing is lost and
// nobody waits. Each stage has room for one chunk or for a bounded queue; a full one holds back all before it, and a
// full intake the sender. Without toxics bytes pass straight through.
import type { Clock, TimerHandle } from '../../src/clock.ts';
import type { End } from './effect.ts';
import type { Passed } from './limit-data.ts';
import type { Random } from './random.ts';
import { type Sink, Stage } from './stage.ts';
import type { Toxic } from './toxic.ts';

/** What Toxiproxy reads at once: how much a slicer halves or a latency holds together depends on it. */
const CHUNK_BYTES = 32 * 1024;

export interface ChainOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes that a toxic with a queue may hold. */
  readonly maxHeld: number;
  readonly strict: boolean;
  /** Where everything goes in the end. */
  readonly out: Outlet;
  /** The intake is full, or has room again. */
  onPressure(isFull: boolean): void;
}

export interface Outlet {
  readonly hasRoom: boolean;
  send(bytes: Buffer): void;
  finish(how: End): void;
}

interface Link {
  readonly toxic: Toxic;
  readonly stage: Stage;
  /** One for whether it acts, one for what it does then. */
  readonly draws: Random;
  readonly random: Random;
  readonly passed: Passed;
  readonly isLate: boolean;
}

export class Chain {
  /** Bytes that came in and that went out. */
  received = 0;
  sent = 0;
  private readonly options: ChainOptions;
  private readonly intake = new Stage(0);
  private readonly tail = new Stage(0);
  private readonly out: Sink;
  private links: Link[] = [];
  private life: 'open' | 'ended' | 'destroyed' = 'open';
  /** How often pump() was called since the one that is at work. */
  private pumps = 0;
  private isFull = false;
  private timer: TimerHandle | null = null;
  private timerDue = Number.POSITIVE_INFINITY;

  constructor(toxics: readonly Toxic[], options: ChainOptions) {
    this.options = options;
    const { out } = options;
    this.out = {
      get hasRoom() {
        return out.hasRoom;
      },
      accept: ({ bytes }) => this.send(bytes),
      finish: (how) => {
        this.life = 'ended';
        out.finish(how);
      },
    };
    for (const toxic of toxics) this.append(toxic, false);
    this.pump();
  }

  /** Whether its end has gone out, or it was destroyed. */
  get isOver(): boolean {
    return this.life !== 'open';
  }

  /** Whether its input has ended. */
  get hasEnded(): boolean {
    return this.intake.hasEnded;
  }

  get isEmpty(): boolean {
    return this.links.length === 0;
  }

  push(bytes: Buffer): void {
    if (this.life !== 'open' || this.intake.hasEnded) return;
    this.received += bytes.length;
    if (this.links.length === 0 && this.intake.isEmpty && this.tail.isEmpty && this.options.out.hasRoom) {
      this.send(bytes);
      return;
    }
    const at = this.options.clock.now();
    if (this.links.length === 0) this.intake.accept({ bytes, at });
    else {
      for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
        this.intake.accept({ bytes: bytes.subarray(from, from + CHUNK_BYTES), at });
      }
    }
    this.pump();
  }

  /** Nothing comes any more. */
  end(how: End): void {
    this.intake.finish(how);
    this.pump();
  }

  /** The outlet has room again. */
  roomed(): void {
    this.pump();
  }

  /** A toxic comes to the end of the chain. */
  add(toxic: Toxic): void {
    // Where the end has passed already it has nothing to do.
    if (this.life !== 'open' || this.tail.hasEnded) return;
    // Whoever passes on to another neighbour starts anew in Toxiproxy, so its toxicity is drawn once more.
    this.draw(this.links.at(-1));
    this.append(toxic, true);
    this.pump();
  }

  /** The toxic has other attributes or another toxicity. */
  update(toxic: Toxic): void {
    const link = this.links.find((each) => each.toxic === toxic);
    if (link === undefined || this.life !== 'open') return;
    this.start(link);
    this.pump();
  }

  remove(toxic: Toxic): void {
    const index = this.links.findIndex((each) => each.toxic === toxic);
    if (index < 0 || this.life !== 'open') return;
    const { stage } = this.links[index]!;
    const next = this.links[index + 1]?.stage ?? this.tail;
    // In Toxiproxy the connections that the toxicity has spared are closed as well.
    const closes = stage.closesOnRemoval || (this.options.strict && toxic.type === 'timeout');
    if (closes) stage.close(next, 'closed');
    else stage.moveTo(next);
    this.links.splice(index, 1);
    this.draw(this.links[index - 1]);
    this.pump();
  }

  /** The connection is gone. */
  destroy(): void {
    this.life = 'destroyed';
    this.options.clock.clearTimeout(this.timer);
    this.timer = null;
  }

  private append(toxic: Toxic, isLate: boolean): void {
    const stage = new Stage(toxic.kind.queues ? this.options.maxHeld : 0);
    // By name and not by place: the same toxic makes the same choices, whatever else is in the chain.
    const draws = this.options.random.fork(toxic.name);
    const link = { toxic, stage, draws, random: draws.fork('effect'), passed: { bytes: 0 }, isLate };
    this.links.push(link);
    this.start(link);
  }

  /** Draws whether the toxic acts here, and starts it. */
  private start(link: Link): void {
    const { toxic, draws } = link;
    link.stage.setEffect(draws.unit() < toxic.toxicity ? this.makeEffect(link) : null);
  }

  /** Draws once more. What acts and goes on acting is not disturbed. */
  private draw(link: Link | undefined): void {
    if (link === undefined) return;
    const acts = link.draws.unit() < link.toxic.toxicity;
    if (acts !== link.stage.isActive) link.stage.setEffect(acts ? this.makeEffect(link) : null);
  }

  private makeEffect({ toxic, random, passed, isLate }: Link) {
    const { clock, strict } = this.options;
    const around = { now: clock.now(), random, passed, isLate, strict };
    return toxic.kind.make(toxic.attributes, around);
  }

  private send(bytes: Buffer): void {
    this.sent += bytes.length;
    this.options.out.send(bytes);
  }

  /** Lets every stage do what it can, the last one first, until nothing moves any more. */
  private pump(): void {
    if (++this.pumps > 1) return;
    for (let moved = true; this.life === 'open' && (moved || this.pumps > 1); ) {
      this.pumps = 1;
      moved = this.runAll();
    }
    this.pumps = 0;
    this.schedule();
    const isFull = this.life === 'open' && !this.intake.isEmpty;
    if (isFull === this.isFull) return;
    this.isFull = isFull;
    this.options.onPressure(isFull);
  }

  private runAll(): boolean {
    const now = this.options.clock.now();
    let moved = this.tail.run(this.out, now);
    let next = this.tail;
    for (let i = this.links.length - 1; i >= 0; i--) {
      const { stage } = this.links[i]!;
      if (stage.run(next, now)) moved = true;
      next = stage;
    }
    return this.intake.run(next, now) || moved;
  }

  private schedule(): void {
    const { clock } = this.options;
    let due = Number.POSITIVE_INFINITY;
    if (this.life === 'open') for (const { stage } of this.links) due = Math.min(due, stage.wakesAt);
    // One that fires too early only looks and sets the next.
    if (due !== Number.POSITIVE_INFINITY && due >= this.timerDue && this.timer !== null) return;
    clock.clearTimeout(this.timer);
    this.timer = null;
    this.timerDue = due;
    if (due === Number.POSITIVE_INFINITY) return;
    const wait = Math.max(1, Math.ceil(due - clock.now()));
    this.timer = clock.setTimeout(() => {
      this.timer = null;
      this.timerDue = Number.POSITIVE_INFINITY;
      this.pump();
    }, wait);
  }
}
