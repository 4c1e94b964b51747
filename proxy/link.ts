// One direction of a proxied connection: every byte goes on as it comes, before anybody looks at it. Pressure of the
// outbox pauses the source, the source's end ends the target once all is sent.
import { Outbox } from '../src/outbox.ts';
import type { Transport } from '../src/transport.ts';

export interface LinkEvents {
  /** Bytes passed. */
  moved(bytes: number): void;
  /** The source has ended, and everything it said was handed to the target. */
  ended(): void;
  /** These bytes were handed on. They must not be changed. */
  passed?(chunk: Buffer): void;
  /** The source has ended. */
  finished?(): void;
  /** Nothing passes by itself: whoever hears `passed` and `finished` calls push() and finish(). */
  readonly isHeld?: boolean;
}

export class Link {
  private readonly from: Transport;
  private readonly events: LinkEvents;
  /** Bytes handed on so far. */
  bytes = 0;
  /** Whether the source has said everything. */
  sourceEnded = false;
  private readonly outbox: Outbox;
  /** Whether the source is paused for one reason or the other. */
  private readonly paused = { outbox: false, held: false };

  constructor(from: Transport, to: Transport, events: LinkEvents) {
    this.from = from;
    this.outbox = new Outbox(to, {
      onPressure: (over) => this.pause('outbox', over),
      onEnd: () => events.ended(),
    });
    this.events = events;
    from.on('data', (chunk: Buffer) => this.take(chunk));
    from.on('end', () => this.sourceEnds(null));
    to.on('drain', () => {
      events.moved(0);
      this.outbox.drained();
    });
  }

  /** The source has ended, or is lost, which counts as much; `unread` had come from it and was not taken. */
  sourceEnds(unread: Buffer | null): void {
    if (this.sourceEnded) return;
    if (unread) this.take(unread);
    this.sourceEnded = true;
    this.events.finished?.();
    if (!this.events.isHeld) this.outbox.closeWhenDone();
  }

  /** For a link that is held. */
  push(bytes: Buffer): void {
    this.outbox.push(bytes);
  }

  /** The source goes on when nobody wants it paused any more. */
  pause(why: 'outbox' | 'held', isWanted: boolean): void {
    this.paused[why] = isWanted;
    if (this.paused.outbox || this.paused.held) this.from.pause();
    else this.from.resume();
  }

  finish(): void {
    this.outbox.closeWhenDone();
  }

  /** Whether the target was handed everything, the end included. */
  get targetEnded(): boolean {
    return this.outbox.ended;
  }

  /** The pair is gone. */
  destroy(): void {
    this.outbox.destroy();
  }

  private take(chunk: Buffer): void {
    const { events } = this;
    this.bytes += chunk.length;
    events.moved(chunk.length);
    if (!events.isHeld) this.outbox.push(chunk);
    events.passed?.(chunk);
  }
}
