// Where bytes are not only looked at but may be changed: what a changer holds passes when the observer has framed it, line
// by line; everything else passes before anybody looks at it, as without a gate.
import type { Changer, MakeChanger } from './changer.ts';
import { Turns } from './changer.ts';
import type { SideName } from './dialogue/event.ts';
import type { Observer } from './dialogue/observer.ts';
import type { About, Remark, Tap } from './dialogue/tap.ts';
import type { PairEnd, PairObserver, PairOutlet } from './pair.ts';
import type { Kind } from './profiles/profile.ts';

/** How far a direction has come, in bytes. */
class Half {
  fed = 0;
  /** Framed. */
  seen = 0;
  /** Passed before anybody looked. */
  passed = 0;
  readonly turns = new Turns();
}

export class Gate implements PairObserver, Tap {
  private readonly observer: Observer;
  private readonly changer: Changer;
  private readonly halves: Readonly<Record<SideName, Half>> = { client: new Half(), server: new Half() };
  private outlet: PairOutlet | null = null;

  /** `make` makes the observer of the connection, which tells the gate what it has framed. */
  constructor(makeChanger: MakeChanger, make: (tap: Tap) => Observer) {
    this.observer = make(this);
    this.changer = makeChanger(this.observer);
  }

  attach(outlet: PairOutlet): void {
    this.outlet = outlet;
  }

  feed(from: SideName, chunk: Buffer): void {
    const half = this.halves[from];
    const isHeld = half.turns.areWaiting || Math.max(half.seen, half.passed) < half.fed || this.changer.holds(from);
    half.fed += chunk.length;
    if (!isHeld) {
      half.passed = half.fed;
      this.outlet?.pass(from, chunk);
    }
    this.observer.feed(from, chunk);
  }

  finish(from: SideName): void {
    this.observer.finish(from);
  }

  close(end: PairEnd): void {
    this.observer.close(end);
    this.changer.close?.();
  }

  note(text: string): void {
    this.observer.note(text);
  }

  drop(from: SideName, bytes: Buffer): void {
    this.observer.drop(from, bytes);
  }

  // What the observer calls.

  get isAsleep(): boolean {
    return this.changer.isAsleep;
  }

  framed(from: SideName, kind: Kind, bytes: Buffer, about: About): Remark | null {
    const half = this.halves[from];
    const { turns } = half;
    const ahead = half.passed - about.offset;
    half.seen = about.offset + bytes.length;
    if (ahead > 0) {
      // It has passed, or its beginning has.
      if (ahead < bytes.length) this.pass(from, bytes.subarray(ahead));
      return null;
    }
    // What comes behind one that waits is for its turn, but what it becomes is said now.
    const changed = this.changer.change(from, kind, bytes, about);
    const becomes = changed?.bytes ?? bytes;
    if (becomes instanceof Promise) turns.take(() => turns.wait(becomes, (come) => this.outlet?.pass(from, come)));
    else this.pass(from, becomes);
    return changed && { note: changed.note };
  }

  ended(from: SideName): void {
    this.halves[from].turns.take(() => this.outlet?.end(from));
  }

  private pass(from: SideName, bytes: Buffer): void {
    const { turns } = this.halves[from];
    if (turns.areWaiting) turns.take(() => this.outlet?.pass(from, bytes));
    else this.outlet?.pass(from, bytes);
  }
}
