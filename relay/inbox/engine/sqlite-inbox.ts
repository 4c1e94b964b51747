// The inbox of a SQLite store as the rest of the program sees it: asks a thread of its own, which begins with the first
// mail or the first question, since an idle sink should cost no memory for it.
//
// A mail may be written that the thread dies of, by taking all its memory. Then what was asked fails, the next question
// starts another thread, and that one leaves the mail unread, as its envelope.
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Log } from '../../../src/log.ts';
import { DatabaseLink, type Line } from '../../store/sqlite-link.ts';
import type { ServeOptions } from '../../store/sqlite-protocol.ts';
import { SqliteStore } from '../../store/sqlite-store.ts';
import type { Store } from '../../store/store.ts';
import type { Inbox, InboxEvent, NewNamespace, PageAsk, Scope, Selection } from '../inbox.ts';
import type { TranscriptLine } from '../transcript.ts';
import {
  type AskName,
  type Asks,
  type InboxSettings,
  type InboxStart,
  type InboxThreadCalls,
  readingNote,
} from './inbox-protocol.ts';

/** Mails of this time are told together. Whoever asks meanwhile is not kept waiting by it. */
const TELL_AFTER_MS = 10;
/** After the first mail: its sender has its answer, and whoever asks at once is not kept waiting by this. */
const START_AFTER_MS = 20;
/** After the start of the program, for the mail that a file holds already. */
const LOOK_AFTER_MS = 1000;
/** Characters of JSON. */
const MAX_TRANSCRIPT = 256 * 1024;
/** One thread's heap; mails of the greatest size that is read whole need several times as much outside of it. */
const MAX_HEAP_MB = 2048;

type ThreadLink = DatabaseLink<InboxThreadCalls>;

/** Null for a store of another engine. `startThread` is for tests, which have no time for threads. */
export function openSqliteInbox(
  store: Store,
  settings: InboxSettings,
  log: Log,
  startThread: (start: InboxStart) => Line = startWorker,
): SqliteInbox | null {
  if (!(store instanceof SqliteStore) || store.place === null) return null;
  return new SqliteInbox(store, store.place, settings, log, startThread);
}

function startWorker(start: InboxStart): Worker {
  const isCompiled = !import.meta.url.endsWith('.ts');
  const entry = new URL(isCompiled ? './inbox-worker.js' : './inbox-worker.dev.js', import.meta.url);
  return new Worker(entry, {
    name: 'lonedot-inbox',
    workerData: start,
    transferList: [start.store],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    ...(isCompiled ? {} : { execArgv: [] }),
  });
}

export class SqliteInbox implements Inbox {
  readonly #store: SqliteStore;
  readonly #place: ServeOptions;
  readonly #log: Log;
  readonly #startThread: (start: InboxStart) => Line;
  readonly #heeders = new Set<(event: InboxEvent) => void>();
  readonly #reading = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
  #settings: InboxSettings;
  #thread: ThreadLink | null = null;
  #startTimer: NodeJS.Timeout | null = null;
  #isRung = false;
  #transcripts: [string, string][] = [];
  #unwatch: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(
    store: SqliteStore,
    place: ServeOptions,
    settings: InboxSettings,
    log: Log,
    startThread: (start: InboxStart) => Line,
  ) {
    this.#startThread = startThread;
    this.#store = store;
    this.#place = place;
    this.#settings = settings;
    this.#log = log;
    if (!store.wasEmpty) this.#startIn(LOOK_AFTER_MS);
  }

  /** A mail was committed. Cheap: all of some milliseconds are told together. */
  accepted(mail: { readonly id: string; readonly transcript?: readonly TranscriptLine[] }): void {
    if (mail.transcript && mail.transcript.length > 0) {
      const lines = JSON.stringify(mail.transcript);
      if (lines.length <= MAX_TRANSCRIPT) this.#transcripts.push([mail.id, lines]);
    }
    if (this.#isRung) return;
    this.#isRung = true;
    setTimeout(() => this.#ring(), TELL_AFTER_MS);
  }

  /** New limits and rules hold from now on. */
  configure(settings: InboxSettings): void {
    this.#settings = settings;
    this.#thread?.call('settings', settings).catch(() => {});
  }

  page(ask: PageAsk) {
    return this.#ask('page', ask);
  }

  latest(ask: Parameters<Inbox['latest']>[0]) {
    return this.#ask('latest', ask);
  }

  summary(id: string) {
    return this.#ask('summary', id);
  }

  message(id: string) {
    return this.#ask('message', id);
  }

  part(id: string, partId: string) {
    return this.#ask('part', id, partId);
  }

  content(id: string) {
    return this.#store.content(id);
  }

  async transcript(id: string): Promise<readonly TranscriptLine[]> {
    this.#sendTranscripts();
    const lines = await this.#store.link.call('inboxTranscript', id);
    return lines === null ? [] : (JSON.parse(lines) as TranscriptLine[]);
  }

  counts(scope: Scope = {}) {
    return this.#ask('counts', scope);
  }

  tags(scope: Scope = {}) {
    return this.#ask('tags', scope);
  }

  setRead(which: Selection, read: boolean) {
    return this.#ask('setRead', which, read);
  }

  setTags(ids: readonly string[], tags: readonly string[]) {
    return this.#ask('setTags', ids, tags);
  }

  addTags(which: Selection, tags: readonly string[]) {
    return this.#ask('addTags', which, tags);
  }

  removeTags(which: Selection, tags: readonly string[]) {
    return this.#ask('removeTags', which, tags);
  }

  renameTag(tag: string, name: string) {
    return this.#ask('renameTag', tag, name);
  }

  deleteTag(tag: string) {
    return this.#ask('deleteTag', tag);
  }

  delete(which: Selection) {
    return this.#ask('delete', which);
  }

  namespaces() {
    return this.#ask('namespaces');
  }

  createNamespace(namespace: NewNamespace) {
    return this.#ask('createNamespace', namespace);
  }

  deleteNamespace(name: string) {
    return this.#ask('deleteNamespace', name);
  }

  cursor() {
    return this.#ask('cursor');
  }

  subscribe(heed: (event: InboxEvent) => void): () => void {
    // One that is subscribed twice is told twice.
    const one = (event: InboxEvent): void => heed(event);
    this.#heeders.add(one);
    if (this.#heeders.size === 1) this.#heed(true);
    this.#unwatch ??= this.#store.watch(() => this.#changedElsewhere());
    return () => {
      if (this.#heeders.delete(one) && this.#heeders.size === 0) this.#heed(false);
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#startTimer) clearTimeout(this.#startTimer);
    this.#sendTranscripts();
    this.#unwatch?.();
    this.#heeders.clear();
    // One that has died has nothing left to close.
    await this.#thread?.close().catch(() => {});
  }

  #ask<Name extends AskName>(name: Name, ...args: Asks[Name]['takes']): Promise<Asks[Name]['gives']> {
    return this.#started().call(name, args);
  }

  #ring(): void {
    this.#isRung = false;
    this.#sendTranscripts();
    if (this.#thread) this.#thread.call('ring', null).catch(() => {});
    else this.#startIn(START_AFTER_MS);
  }

  #sendTranscripts(): void {
    if (this.#transcripts.length === 0) return;
    const rows = this.#transcripts;
    this.#transcripts = [];
    this.#store.link
      .call('inboxTranscripts', rows)
      .catch((error) => this.#log.warn('inbox.transcript_failed', { error: (error as Error).message }));
  }

  #startIn(ms: number): void {
    if (this.#startTimer !== null || this.#closing !== null) return;
    this.#startTimer = setTimeout(() => this.#started(), ms);
    this.#startTimer.unref();
  }

  #started(): ThreadLink {
    if (this.#thread) return this.#thread;
    const thread = this.#start();
    this.#thread = thread;
    thread.onTold = (news) => this.#told(news);
    void thread.greeting.then((greeting) => {
      if (!greeting.opened && !this.#closing) this.#log.error('inbox.thread_failed', { error: greeting.reason });
    });
    void thread.over.then(() => {
      if (this.#thread === thread && !this.#closing) this.#thread = null;
    });
    if (this.#heeders.size > 0) this.#heed(true);
    return thread;
  }

  #start(): ThreadLink {
    const { port1, port2 } = new MessageChannel();
    // Fails only when the store is closed: then every question is answered by that.
    this.#store.link.call('attach', port1, port1).catch(() => port2.close());
    const note = readingNote(this.#reading);
    const spared = note[0]!;
    note[0] = 0;
    const start: InboxStart = {
      ...{ place: this.#place, settings: this.#settings, store: port2, reading: this.#reading, spared },
    };
    return new DatabaseLink<InboxThreadCalls>(this.#startThread(start), this.#place.file);
  }

  #heed(isHeeded: boolean): void {
    this.#thread?.call('heed', isHeeded).catch(() => {});
  }

  #told(news: readonly unknown[]): void {
    for (const one of news as readonly (InboxEvent | { readonly failed: string })[]) {
      if ('failed' in one) this.#log.error('inbox.failed', { error: one.failed });
      else for (const heed of [...this.#heeders]) heed(one);
    }
  }

  #changedElsewhere(): void {
    this.#thread?.call('ring', null).catch(() => {});
    this.#told([{ type: 'pruned', namespace: null } satisfies InboxEvent]);
  }
}
