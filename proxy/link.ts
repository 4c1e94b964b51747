// One direction of a proxied connection: every byte goes on as it comes, before anybody looks at it. Pressure of the
// outbox pauses the source, the source's end ends the target once all is sent. There are two for each connection, so a
// link makes no functions but the listeners that it needs.
import { Outbox, type OutboxOptions } from '../src/outbox.ts';
import type { Transport } from '../src/transport.ts';

type SideName = 'client' | 'server';

/** What looks at the bytes. */
export interface LinkObserver {
  /** With it nothing passes by itself: whoever hears `feed` and `finish` calls push() and finish(). */
  attach?: unknown;
  /** These bytes were handed on. They must not be changed. */
  feed(from: SideName, chunk: Buffer): void;
  /** The source has ended. */
  finish(from: SideName): void;
}

export interface LinkOwner {
  /** Bytes passed. */
  moved(from: SideName, bytes: number): void;
  /** The source has ended, and everything it said was handed to the target. */
  ended(): void;
}

export class Link implements OutboxOptions {
  /** Bytes handed on so far. */
  bytes = 0;
  /** Whether the source has said everything. */
  sourceEnded = false;
  private readonly side: SideName;
  private readonly from: Transport;
  private readonly owner: LinkOwner;
  private readonly observer: LinkObserver | undefined;
  private readonly outbox: Outbox;
  private readonly isHeld: boolean;
  /** Why the source is paused. */
  private isPressed = false;
  private isHalted = false;

  /** From the one that is called `side` to the other. */
  constructor(side: SideName, from: Transport, to: Transport, owner: LinkOwner, observer: LinkObserver | undefined) {
    this.side = side;
    this.from = from;
    this.owner = owner;
    this.observer = observer;
    this.isHeld = observer?.attach !== undefined;
    this.outbox = new Outbox(to, this);
    from.on('data', (chunk: Buffer) => this.take(chunk));
    from.on('end', () => this.sourceEnds(null));
    to.on('drain', () => {
      owner.moved(side, 0);
      this.outbox.drained();
    });
  }

  /** The source has ended, or is lost, which counts as much; `unread` had come from it and was not taken. */
  sourceEnds(unread: Buffer | null): void {
    if (this.sourceEnded) return;
    if (unread) this.take(unread);
    this.sourceEnded = true;
    this.observer?.finish(this.side);
    if (!this.isHeld) this.outbox.closeWhenDone();
  }

  /** For a link that is held. */
  push(bytes: Buffer): void {
    this.outbox.push(bytes);
  }

  /** Somebody wants the source paused, or not any more. */
  halt(isWanted: boolean): void {
    this.isHalted = isWanted;
    this.flow();
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

  // What the outbox calls.

  onPressure(over: boolean): void {
    this.isPressed = over;
    this.flow();
  }

  onEnd(): void {
    this.owner.ended();
  }

  private flow(): void {
    if (this.isPressed || this.isHalted) this.from.pause();
    else this.from.resume();
  }

  private take(chunk: Buffer): void {
    const { side, observer } = this;
    this.bytes += chunk.length;
    this.owner.moved(side, chunk.length);
    if (!this.isHeld) this.outbox.push(chunk);
    observer?.feed(side, chunk);
  }
}
