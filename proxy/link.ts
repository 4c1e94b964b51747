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
}

export class Link {
  /** Bytes handed on so far. */
  bytes = 0;
  /** Whether the source has said everything. */
  sourceEnded = false;
  private readonly outbox: Outbox;

  constructor(from: Transport, to: Transport, events: LinkEvents) {
    this.outbox = new Outbox(to, {
      onPressure: (over) => (over ? from.pause() : from.resume()),
      onEnd: () => events.ended(),
    });
    from.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      events.moved(chunk.length);
      this.outbox.push(chunk);
      events.passed?.(chunk);
    });
    from.on('end', () => {
      this.sourceEnded = true;
      events.finished?.();
      this.outbox.closeWhenDone();
    });
    to.on('drain', () => {
      events.moved(0);
      this.outbox.drained();
    });
  }

  /** Whether the target was handed everything, the end included. */
  get targetEnded(): boolean {
    return this.outbox.ended;
  }

  /** The pair is gone. */
  destroy(): void {
    this.outbox.destroy();
  }
}
