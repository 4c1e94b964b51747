// The inbox's thread: answers questions over a connection of its own, so that a slow one holds up neither mail that
// comes in nor the event loop; reads new mail; keeps the inbox within its limits. It writes nothing itself: the database
// thread does, which it calls directly.
import type { MessagePort } from 'node:worker_threads';
import { ChatError } from '../../../src/errors.ts';
import { Database } from '../../store/sqlite-database.ts';
import { reasonOf } from '../../store/sqlite-group.ts';
import { DatabaseLink } from '../../store/sqlite-link.ts';
import type { Answers, Greeting, Told } from '../../store/sqlite-protocol.ts';
import type { InboxEvent, InboxMessage, PartContent } from '../inbox.ts';
import { Changes } from './changes.ts';
import { type Asks, type InboxCall, type InboxSettings, type InboxStart, readingNote } from './inbox-protocol.ts';
import { Indexer } from './indexer.ts';
import { Listing } from './listing.ts';
import { MailReading } from './mail-reading.ts';
import { MailSource } from './mail-source.ts';
import { Namespaces } from './namespaces.ts';
import { Retention } from './retention.ts';

/** At most: only what is looked at takes memory, and the system takes it back. */
const MAPPED_BYTES = 256 << 20;

type Answerers = { readonly [Name in keyof Asks]: (...args: Asks[Name]['takes']) => Promise<Asks[Name]['gives']> };

/** Opens the database, greets, and answers calls until one of them is `close`. */
export function serveInbox(port: MessagePort, start: InboxStart): void {
  const greet = (greeting: Greeting): void => port.postMessage(greeting);
  try {
    const server = new InboxServer(port, start);
    port.on('message', (calls: InboxCall[]) => {
      for (const call of calls) void server.answer(call);
    });
    greet({ opened: true, greatestId: null });
  } catch (error) {
    greet({ opened: false, reason: reasonOf(error) });
    start.store.close();
    port.close();
  }
}

class InboxServer {
  readonly #port: MessagePort;
  readonly #storePort: MessagePort;
  readonly #db: Database;
  readonly #listing: Listing;
  readonly #indexer: Indexer;
  readonly #namespaces: Namespaces;
  readonly #retention: Retention;
  readonly #answerers: Answerers;
  #settings: InboxSettings;
  #isHeeded = false;

  constructor(port: MessagePort, { place, settings, store: storePort, reading, spared }: InboxStart) {
    this.#port = port;
    this.#storePort = storePort;
    this.#settings = settings;
    const db = new Database(place.file, place.busyMs, { readOnly: true });
    // A search of a large inbox looks into many pages here and there: mapped, they are looked at where they are.
    db.pragma(`mmap_size=${MAPPED_BYTES}`);
    this.#db = db;
    const store = new DatabaseLink(storePort, place.file);
    const failed = (error: unknown): void => this.#tell([{ failed: reasonOf(error) }]);
    const emit = (events: () => readonly InboxEvent[]): void => {
      if (this.#isHeeded) this.#tell(events());
    };
    const listing = new Listing(db, failed);
    this.#listing = listing;
    const source = new MailSource(db, place);
    const note = readingNote(reading);
    const changes = new Changes({ db, listing, store, emit, indexed: () => this.#indexer.upTo });
    this.#namespaces = new Namespaces(db, store, (namespace) => changes.delete({ namespace }), failed);
    this.#retention = new Retention(
      store,
      () => this.#settings.limits,
      () => emit(() => [{ type: 'pruned', namespace: null }]),
      failed,
    );
    this.#indexer = new Indexer({
      ...{ db, listing, source, store, emit, failed, reading: note, spared, namespaces: this.#namespaces },
      settings: () => this.#settings,
      indexed: () => this.#retention.added(),
    });
    this.#answerers = this.#answering(listing, new MailReading(listing, source, note), changes);
    this.#indexer.ring();
    void this.#namespaces.expire();
    this.#retention.start();
  }

  async answer(call: InboxCall): Promise<void> {
    const answers: Answers = { done: [call[0]], values: [], failed: [], commits: [] };
    const moved: ArrayBuffer[] = [];
    try {
      const value = await this.#perform(call);
      answers.values.push(value);
      if (call[1] === 'part' && value) moved.push((value as PartContent).bytes.buffer as ArrayBuffer);
    } catch (error) {
      answers.done.pop();
      const isTheirs = error instanceof ChatError && error.code !== 'STORE_FAILED';
      answers.failed.push(isTheirs ? [call[0], error.message, error.code] : [call[0], reasonOf(error)]);
    }
    this.#port.postMessage(answers, moved);
    if (call[1] === 'close') this.#port.close();
  }

  async #perform(call: InboxCall): Promise<unknown> {
    switch (call[1]) {
      case 'ring':
        this.#indexer.ring();
        return null;
      case 'heed':
        this.#isHeeded = call[2];
        return null;
      case 'settings':
        this.#settings = call[2];
        this.#retention.start();
        return null;
      case 'close':
        return this.#close();
      default: {
        const answerer = this.#answerers[call[1]] as (...args: unknown[]) => Promise<unknown>;
        return answerer(...(call[2] as unknown[]));
      }
    }
  }

  #answering(listing: Listing, reading: MailReading, changes: Changes): Answerers {
    const indexer = this.#indexer;
    /** After all that was accepted before. */
    const after = <Args extends unknown[], Gives>(answer: (...args: Args) => Gives) => {
      return async (...args: Args): Promise<Awaited<Gives>> => {
        await indexer.caughtUp();
        return await answer(...args);
      };
    };
    return {
      page: after((ask) => listing.page(ask, indexer.upTo)),
      latest: after((ask) => listing.latest(ask, indexer.upTo)),
      summary: after((id) => listing.summary(id)),
      message: after((id): Promise<InboxMessage | undefined> => reading.message(id)),
      part: after((id, partId) => reading.part(id, partId)),
      counts: after((scope) => listing.counts(scope ?? {}, indexer.upTo)),
      tags: after((scope) => listing.tags(scope ?? {})),
      setRead: after((which, read) => changes.setRead(which, read)),
      setTags: after((ids, tags) => changes.setTags(ids, tags)),
      addTags: after((which, tags) => changes.addTags(which, tags)),
      removeTags: after((which, tags) => changes.removeTags(which, tags)),
      renameTag: after((tag, name) => changes.renameTag(tag, name)),
      deleteTag: after((tag) => changes.deleteTag(tag)),
      delete: after((which) => changes.delete(which)),
      namespaces: async () => this.#namespaces.list(),
      createNamespace: (namespace) => this.#namespaces.create(namespace),
      deleteNamespace: after((name) => this.#namespaces.remove(name)),
      cursor: after(() => indexer.upTo),
    };
  }

  async #close(): Promise<null> {
    await this.#retention.stop();
    this.#indexer.stop();
    this.#namespaces.stop();
    this.#listing.stop();
    this.#db.close();
    this.#storePort.close();
    return null;
  }

  #tell(told: readonly unknown[]): void {
    if (told.length > 0) this.#port.postMessage({ told } satisfies Told);
  }
}
