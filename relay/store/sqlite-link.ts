// The main thread's end of the line to the database thread. Calls of one turn of the event loop go out in one message:
// a message costs some 10-20 us whatever is in it, and what goes out together is committed together.
// The inbox's thread is called in the same way, with calls of its own.
// When the thread ends, for whatever reason, every call that waits and every later one is rejected: nothing hangs.

import type { Transferable } from 'node:worker_threads';
import { ChatError, type ErrorCode } from '../../src/errors.ts';
import type { Answers, Calls, Changed, Greeting, Told } from './sqlite-protocol.ts';

/** What a Worker and a MessagePort have in common. */
export interface Line {
  postMessage(value: unknown, transfer?: readonly Transferable[]): void;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
}

interface Waiting {
  resolve(value: never): void;
  reject(error: ChatError): void;
}

/** What can be called: what each call takes and gives. `close` is among them. */
export type CallTable<Table> = { readonly [Name in keyof Table]: { takes: unknown; gives: unknown } };

export class DatabaseLink<Table extends CallTable<Table> = Calls> {
  readonly #line: Line;
  readonly #file: string;
  readonly #waiting = new Map<number, Waiting>();
  #calls: [number, keyof Table, unknown][] = [];
  #transfer: Transferable[] = [];
  #numbers = 0;
  /** Why nothing can be called any more. */
  #refusal: string | null = null;
  #hasEnded = false;
  #hear: (greeting: Greeting) => void = () => {};
  /** Called for each commit that the thread has made. */
  onCommit: ((ms: number, writes: number) => void) | null = null;
  /** Called when the thread has noticed that another process has changed the database. */
  readonly watchers = new Set<() => void>();
  /** Called for what the thread says of itself. */
  onTold: ((news: readonly unknown[]) => void) | null = null;
  readonly #greeting: Promise<Greeting>;
  readonly #over: Promise<void>;

  constructor(line: Line, file: string) {
    this.#line = line;
    this.#file = file;
    this.#greeting = new Promise((resolve) => {
      this.#hear = resolve;
    });
    line.on('message', (value) => {
      const message = value as Greeting | Answers | Changed | Told;
      if ('told' in message) this.onTold?.(message.told);
      else if ('opened' in message) this.#hear(message);
      else if ('changed' in message) for (const tell of this.watchers) tell();
      else this.#settle(message);
    });
    line.on('error', (error) => this.#end(`the database thread failed: ${(error as Error).message}`));
    line.on('messageerror', (error) => this.#end(`the database thread is not understood: ${error}`));
    this.#over = new Promise((resolve) => {
      const ended = (): void => {
        this.#end('the database thread has ended');
        resolve();
      };
      // A Worker exits, a MessagePort closes.
      line.on('exit', ended);
      line.on('close', ended);
    });
  }

  /** What the thread said of the database; never rejects. */
  get greeting(): Promise<Greeting> {
    return this.#greeting;
  }

  /** Resolves when the thread has ended. */
  get over(): Promise<void> {
    return this.#over;
  }

  /** `transfer` is moved to the other thread rather than copied, and is empty afterwards. */
  call<Name extends keyof Table>(
    name: Name,
    takes: Table[Name]['takes'],
    transfer?: Transferable,
  ): Promise<Table[Name]['gives']> {
    return new Promise((resolve, reject) => {
      if (this.#refusal !== null) {
        reject(this.failure(this.#refusal));
        return;
      }
      const number = this.#numbers++;
      this.#waiting.set(number, { resolve, reject });
      // After the sockets of this turn have all been read: their messages share a commit.
      if (this.#calls.length === 0) setImmediate(() => this.#flush());
      this.#calls.push([number, name, takes]);
      if (transfer) this.#transfer.push(transfer);
    });
  }

  /** Everything that was called before is answered first; what is called later is rejected. */
  async close(): Promise<void> {
    const closed = this.call('close' as keyof Table, null);
    this.#refusal ??= 'the store is closed';
    await closed;
    await this.#over;
  }

  failure(reason: string, code: ErrorCode = 'STORE_FAILED'): ChatError {
    // What has a code of its own is the asker's mistake, whatever the file.
    if (code !== 'STORE_FAILED') return new ChatError(code, reason);
    return new ChatError('STORE_FAILED', `database ${this.#file}: ${reason}`, { file: this.#file });
  }

  #flush(): void {
    const calls = this.#calls;
    const transfer = this.#transfer;
    this.#calls = [];
    this.#transfer = [];
    if (this.#hasEnded) return;
    try {
      this.#line.postMessage(calls, transfer);
    } catch (error) {
      for (const [number] of calls) this.#reject(number, String(error));
    }
  }

  #settle({ done, values, failed, commits }: Answers): void {
    for (const [ms, writes] of commits) this.onCommit?.(ms, writes);
    for (let i = 0; i < done.length; i++) {
      const number = done[i]!;
      this.#waiting.get(number)?.resolve(values[i] as never);
      this.#waiting.delete(number);
    }
    for (const [number, reason, code] of failed) this.#reject(number, reason, code);
  }

  #reject(number: number, reason: string, code?: ErrorCode): void {
    this.#waiting.get(number)?.reject(this.failure(reason, code));
    this.#waiting.delete(number);
  }

  #end(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#refusal ??= reason;
    this.#hear({ opened: false, reason });
    for (const number of [...this.#waiting.keys()]) this.#reject(number, reason);
  }
}
