// The database thread's loop: takes all calls that wait, commits the writes together, answers, and does its
// housekeeping (checkpoints, sweeping) only after the answers have gone out. Serves any MessagePort, so that a test can
// run it without a thread.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { acceptCalls } from './sqlite-accept.ts';
import { BESIDE_REMOVALS, bytesOf, isForFile, moveWhole, UNSYNCED, WRITES } from './sqlite-calls.ts';
import { changeCalls } from './sqlite-change.ts';
import type { Database } from './sqlite-database.ts';
import { ContentFiles } from './sqlite-files.ts';
import { GroupCommit, type Outcome, reasonOf, type Transactions } from './sqlite-group.ts';
import { hookCalls } from './sqlite-hooks.ts';
import { IdleIndexing } from './sqlite-idle.ts';
import { inboxCalls } from './sqlite-inbox.ts';
import { isAlone, openDatabase } from './sqlite-open.ts';
import { pauseCalls } from './sqlite-pauses.ts';
import { Presence } from './sqlite-presence.ts';
import type {
  Answers,
  Call,
  CallName,
  Calls,
  Changed,
  Greeting,
  Handlers,
  ReadName,
  ServeOptions,
  WriteName,
} from './sqlite-protocol.ts';
import { queueCalls } from './sqlite-queue.ts';
import { Remover, removalCalls } from './sqlite-removal.ts';
import { Scan } from './sqlite-scan.ts';
import { Sweeper } from './sqlite-sweeper.ts';
import { Tally } from './sqlite-tally.ts';
import { Trigrams } from './sqlite-trigrams.ts';
import { viewCalls } from './sqlite-views.ts';
import { Watcher } from './sqlite-watcher.ts';

/** Content in one transaction: what streams of long mail may add to the wait of a short one. */
const GROUP_BYTES = 4 << 20;
/** What is written between checkpoints. The WAL is about as long; less would write the same pages more often. */
const CHECKPOINT_BYTES = 2 << 20;
/** Opens the database, greets, and answers calls until one of them is `close`. */
export function serve(port: MessagePort, options: ServeOptions): void {
  const greet = (greeting: Greeting): void => port.postMessage(greeting);
  let server: Server;
  try {
    server = new Server(port, options);
    greet({ opened: true, greatestId: server.greatestId() });
  } catch (error) {
    greet({ opened: false, reason: reasonOf(error) });
    port.close();
    return;
  }
  server.listen(port);
}

class Server {
  readonly #port: MessagePort;
  readonly #db: Database;
  readonly #handlers: Handlers<Exclude<CallName, 'close'>>;
  readonly #group: GroupCommit;
  readonly #presence: Presence;
  readonly #remover: Remover;
  readonly #sweeper: Sweeper;
  readonly #watcher: Watcher;
  readonly #isSynced: boolean;
  /** Other threads that are served besides. */
  readonly #guests: MessagePort[] = [];
  #indexing: IdleIndexing | null = null;
  #commits: Answers['commits'] = [];
  #uncheckpointed = 0;
  #isTidying = false;

  constructor(port: MessagePort, options: ServeOptions) {
    this.#port = port;
    this.#isSynced = options.synced;
    this.#db = openDatabase(options);
    const tally = new Tally(this.#db);
    this.#watcher = new Watcher(this.#db, () => port.postMessage({ changed: true } satisfies Changed));
    const files = new ContentFiles(this.#db, options);
    this.#sweeper = new Sweeper(this.#db, files);
    const remover = new Remover(this.#db, tally, this.#sweeper);
    this.#remover = remover;
    this.#group = new GroupCommit(transactions(this.#db, remover, files), tally, (ms, writes) =>
      this.#commits.push([ms, writes]),
    );
    this.#presence = new Presence(options.file);
    const accepting = acceptCalls(this.#db, tally, files);
    this.#handlers = {
      ...accepting,
      // Not so the notices that a settlement brings: they leave with the rest of the queue, or not at all.
      accept: (takes) => {
        this.#presence.check();
        return accepting.accept(takes);
      },
      check: () => {
        this.#presence.check();
        return null;
      },
      ...queueCalls(this.#db, tally, remover, accepting.accept),
      ...changeCalls(this.#db, tally, remover, new Scan(this.#db)),
      ...removalCalls(this.#db, remover),
      ...pauseCalls(this.#db),
      ...hookCalls(this.#db),
      ...viewCalls(this.#db, tally, files),
      ...inboxCalls(this.#db, tally, remover),
      watch: () => this.#watcher.start(),
      attach: (guest) => this.#attach(guest),
    };
    this.#sweeper.addLeft(() => isAlone(this.#db, options.busyMs));
    this.#tidyLater();
  }

  greatestId(): string | null {
    return this.#db.query<[string | null]>('SELECT max(id) FROM message').first()?.[0] ?? null;
  }

  listen(port: MessagePort): void {
    port.on('message', (first: Call[]) => {
      const calls = first;
      for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
        for (const call of next.message as Call[]) calls.push(call);
      }
      this.#answer(port, calls);
    });
  }

  #attach(guest: MessagePort): null {
    this.#guests.push(guest);
    this.listen(guest);
    this.#indexing ??= new IdleIndexing(new Trigrams(this.#db));
    return null;
  }

  #answer(port: MessagePort, calls: readonly Call[]): void {
    for (let start = 0; start < calls.length; ) {
      let bytes = 0;
      let end = start;
      for (; end < calls.length && bytes < GROUP_BYTES; end++) {
        const call = calls[end]!;
        bytes += bytesOf(call);
        if (!isForFile(call)) this.#uncheckpointed += bytesOf(call);
      }
      this.#answerGroup(port, calls.slice(start, end));
      if (this.#uncheckpointed >= CHECKPOINT_BYTES) this.#checkpoint();
      start = end;
    }
    this.#indexing?.put(calls);
    const last = calls.at(-1);
    if (last?.[1] === 'close') this.#close(last[0]);
    else this.#tidyLater();
  }

  #answerGroup(port: MessagePort, calls: readonly Call[]): void {
    const writes = calls.filter((call) => WRITES.has(call[1]));
    if (writes.length > 0) {
      const answers: Answers = { done: [], values: [], failed: [], commits: [] };
      const moved: ArrayBuffer[] = [];
      this.#presence.look();
      const outcomes = this.#commit(writes);
      answers.commits = this.#commits;
      this.#commits = [];
      for (const [i, outcome] of outcomes.entries()) {
        const [number, name] = writes[i]!;
        if (!outcome.ok) {
          answers.failed.push([number, outcome.reason]);
          continue;
        }
        answers.done.push(number);
        answers.values.push(outcome.value);
        // Memory that came with a call goes back with its answer, to be used again.
        if (name === 'piece') moved.push((outcome.value as Calls['piece']['gives']).buffer);
        if (name === 'accept' && outcome.value)
          moved.push((outcome.value as { tail: Uint8Array<ArrayBuffer> }).tail.buffer);
      }
      port.postMessage(answers, moved);
    }
    if (writes.length < calls.length)
      this.#answerReads(
        port,
        calls.filter((call) => !WRITES.has(call[1])),
      );
  }

  #commit(writes: readonly Call[]): Outcome[] {
    const run = () => this.#group.run(writes.map((call) => () => this.#write(call)));
    if (!this.#isSynced || !writes.every((call) => UNSYNCED.has(call[1]))) return run();
    this.#db.pragma('synchronous=NORMAL');
    try {
      return run();
    } finally {
      this.#db.pragma('synchronous=FULL');
    }
  }

  /** After the writes of its group, so that nothing is shown that a failing commit takes back. */
  #answerReads(port: MessagePort, calls: readonly Call[]): void {
    const answers: Answers = { done: [], values: [], failed: [], commits: [] };
    const moved: ArrayBuffer[] = [];
    for (const call of calls) {
      if (call[1] === 'close') continue;
      try {
        const value = this.#perform(call);
        answers.values.push(value);
        answers.done.push(call[0]);
        if (call[1] === 'contentPiece') moveWhole(value, moved);
      } catch (error) {
        answers.failed.push([call[0], reasonOf(error)]);
      }
    }
    port.postMessage(answers, moved);
  }

  #write(call: Call): unknown {
    if (!BESIDE_REMOVALS.has(call[1])) this.#remover.removeDoomed();
    return this.#perform(call);
  }

  #perform<Name extends ReadName | WriteName | 'discard' | 'watch' | 'attach'>(call: Call): unknown {
    const handler = this.#handlers[call[1] as Name] as (takes: Calls[Name]['takes']) => unknown;
    return handler(call[2] as Calls[Name]['takes']);
  }

  /** PASSIVE: waits for no one. What it cannot move yet, the next one moves. */
  #checkpoint(): void {
    this.#uncheckpointed = 0;
    try {
      this.#db.pragma('wal_checkpoint(PASSIVE)');
    } catch {
      // The WAL only grows; a disk that is full shows at the next commit, where someone waits for the answer.
    }
  }

  #tidyLater(): void {
    if (this.#isTidying || !this.#sweeper.hasWork) return;
    this.#isTidying = true;
    setImmediate(() => {
      this.#isTidying = false;
      // What failed is tried again after the next call, not at once.
      if (this.#tidy()) this.#tidyLater();
    });
  }

  /** One step of sweeping; false when it failed. */
  #tidy(): boolean {
    try {
      this.#sweeper.step();
      return true;
    } catch {
      return false;
    }
  }

  #close(number: number): void {
    const answers: Answers = { done: [], values: [], failed: [], commits: [] };
    this.#watcher.stop();
    this.#indexing?.stop();
    while (this.#sweeper.hasWork && this.#tidy());
    try {
      this.#db.pragma('wal_checkpoint(TRUNCATE)');
      this.#db.close();
      answers.done.push(number);
      answers.values.push(null);
    } catch (error) {
      answers.failed.push([number, reasonOf(error)]);
    }
    this.#port.postMessage(answers);
    for (const guest of this.#guests) guest.close();
    this.#port.close();
  }
}

/** What a settlement has doomed is gone with the commit that records it; content is synced before its message is. */
function transactions(db: Database, remover: Remover, files: ContentFiles): Transactions {
  return {
    begin: () => db.begin(),
    commit() {
      remover.removeDoomed();
      files.sync();
      db.commit();
      files.committed();
    },
    rollback() {
      remover.rolledBack();
      files.rolledBack();
      db.rollback();
    },
  };
}
