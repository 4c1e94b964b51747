// What may change lines on their way: STARTTLS that is crossed out (cross-out.ts), addresses of FTP's data connections
// (ftp/follower.ts). A gate asks it about each frame that it was given to hold.
import type { SideName } from './dialogue/event.ts';
import type { Observer } from './dialogue/observer.ts';
import type { About } from './dialogue/tap.ts';
import type { Kind } from './profiles/profile.ts';

export interface Changer {
  /** Nothing of this connection is to be changed, as far as is known. */
  readonly isAsleep: boolean;
  /** Whether what this side says next has to wait until it was framed. */
  holds(from: SideName): boolean;
  /** Null: the frame stays as it is. */
  change(from: SideName, kind: Kind, bytes: Buffer, about: About): Changed | null;
  /** The connection is over. */
  close?(): void;
}

export interface Changed {
  /** What passes instead; nothing that the same side says overtakes it. Must not reject. */
  readonly bytes: Buffer | Promise<Buffer>;
  /** In place of what the profile remarks; '' for nothing. */
  readonly note: string;
}

/** Made when there is somebody to ask about the connection. */
export type MakeChanger = (observer: Pick<Observer, 'protocol' | 'progress'>) => Changer;

/** The first one that has something to change does it. */
export function inTurn(makers: readonly MakeChanger[]): MakeChanger | undefined {
  if (makers.length <= 1) return makers[0];
  return (observer) => {
    const all = makers.map((make) => make(observer));
    return {
      get isAsleep() {
        return all.every((one) => one.isAsleep);
      },
      holds: (from) => all.some((one) => one.holds(from)),
      change: (...frame) => {
        for (const one of all) {
          const changed = one.change(...frame);
          if (changed) return changed;
        }
        return null;
      },
      close: () => {
        for (const one of all) one.close?.();
      },
    };
  };
}

/** What is to happen with the frames of one direction, some of which may have to wait for one before them. */
export class Turns {
  private waiting: (() => void)[] | null = null;

  get areWaiting(): boolean {
    return this.waiting !== null;
  }

  /** Now, or in its turn. */
  take(act: () => void): void {
    if (this.waiting) this.waiting.push(act);
    else act();
  }

  /** `act` with what is promised, and nothing before it. */
  wait(bytes: Promise<Buffer>, act: (bytes: Buffer) => void): void {
    this.waiting = [];
    void bytes.then((come) => {
      const behind = this.waiting!;
      this.waiting = null;
      act(come);
      for (const next of behind) this.take(next);
    });
  }
}
