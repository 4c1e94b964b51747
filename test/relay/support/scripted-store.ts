// A store in memory for tests of sessions: shows what was committed, can be told to wait or to fail, and insists on
// the contract of MessageWriter where the real one might get away with less.
import type { MessageWriter, NewMessage, Store } from '../../../relay/store/store.ts';

export interface Stored {
  readonly id: string;
  readonly message: NewMessage;
  readonly content: Buffer;
}

export class ScriptedStore implements Store {
  readonly messages: Stored[] = [];
  /** Writers that were begun and neither committed nor aborted. */
  readonly open = new Set<string>();
  aborted = 0;
  /** Asked with each piece and the number of those before it; what it returns is what write() returns. */
  onWrite: (piece: Buffer, written: number) => void | Promise<void> = () => {};
  onCommit: () => void | Promise<void> = () => {};
  private begun = 0;

  begin(): MessageWriter {
    const id = `id${String(++this.begun).padStart(20, '0')}`;
    const pieces: Buffer[] = [];
    let life: 'open' | 'waiting' | 'committing' | 'ended' = 'open';
    this.open.add(id);
    const end = (): void => {
      life = 'ended';
      this.open.delete(id);
    };
    return {
      id,
      write: (piece) => {
        if (life !== 'open') return Promise.reject(new Error(`write() on a message that is ${life}`));
        const wait = this.onWrite(piece, pieces.length);
        // A copy: the caller may do with its bytes what it likes once they are taken.
        pieces.push(Buffer.from(piece));
        if (!wait) return;
        life = 'waiting';
        return wait.finally(() => {
          if (life === 'waiting') life = 'open';
        });
      },
      commit: async (message) => {
        if (life !== 'open') throw new Error(`commit() on a message that is ${life}`);
        life = 'committing';
        try {
          await this.onCommit();
          this.messages.push({ id, message, content: Buffer.concat(pieces) });
          return null;
        } finally {
          end();
        }
      },
      abort: () => {
        if (life === 'committing' || life === 'ended') return;
        this.aborted++;
        end();
      },
    };
  }

  claim = notHere;
  renew = notHere;
  check = notHere;
  hasten = notHere;
  settle = notHere;
  nextDue = notHere;
  content = notHere;
  get = notHere;
  list = notHere;
  delete = notHere;
  trim = notHere;
  purge = notHere;
  counts = notHere;
  queue = notHere;
  pauses = notHere;
  notePauses = notHere;
  change = notHere;
  nextId = (): never => {
    throw new Error('a session makes no notices');
  };
  watch = (): (() => void) => () => {};
  close = () => Promise.resolve();
}

function notHere(): Promise<never> {
  return Promise.reject(new Error('a session asks for no such thing'));
}
