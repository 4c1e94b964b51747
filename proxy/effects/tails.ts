// Beginnings of lines that may never have an end: prompts, and the first words of a protocol that is not known yet. Where
// lines are held they would wait for ever, so after a moment they are taken as they are.
import type { Clock, TimerHandle } from '../../src/clock.ts';
import type { SideName } from '../dialogue/event.ts';
import type { Observer } from '../dialogue/observer.ts';

const PROMPT_MS = 50;
const DECIDE_MS = 300;

export class Tails {
  private readonly clock: Clock;
  private readonly observer: Observer;
  private readonly timers = new Map<SideName, TimerHandle>();

  constructor(clock: Clock, observer: Observer) {
    this.clock = clock;
    this.observer = observer;
  }

  /** After something was said that is held. */
  mind(from: SideName): void {
    this.clock.clearTimeout(this.timers.get(from));
    this.timers.delete(from);
    const { observer } = this;
    const isUnknown = observer.protocol === null;
    if (!isUnknown && !observer.isPrompting(from)) return;
    const due = (): void => {
      this.timers.delete(from);
      if (isUnknown) observer.decide();
      if (observer.isPrompting(from)) observer.cutPrompt(from);
    };
    this.timers.set(from, this.clock.setTimeout(due, isUnknown ? DECIDE_MS : PROMPT_MS));
  }

  clear(): void {
    for (const timer of this.timers.values()) this.clock.clearTimeout(timer);
    this.timers.clear();
  }
}
