// The messages of an mbox file as streams, one after the other: whoever does not read one to its end skips it.
import { type MboxKind, MboxSplitter } from './mbox-split.ts';

export interface MboxMessage {
  /** The From line. */
  readonly line: string;
  /** To be read before the next message is asked for; the line endings are the file's. */
  readonly content: AsyncIterable<Buffer>;
}

type Event = { readonly line: string } | Buffer | 'end';

/** Told to whoever named the file. */
export class NotMbox extends Error {
  readonly code = 'ENOTMBOX';

  constructor() {
    super('it is no mbox: it does not begin with a "From " line');
    this.name = 'NotMbox';
  }
}

/** Rejects with NotMbox, or with what the source rejects with. */
export async function* readMbox(
  source: AsyncIterable<Buffer>,
  kind: MboxKind = 'mboxrd',
): AsyncGenerator<MboxMessage, void, undefined> {
  const reader = new Reader(source, kind);
  try {
    for (;;) {
      const event = await reader.next();
      if (event === undefined) return;
      if (Buffer.isBuffer(event) || event === 'end') continue;
      yield { line: event.line, content: reader.content() };
      // What nobody wanted to read.
      for await (const _ of reader.content());
    }
  } finally {
    await reader.stop();
  }
}

class Reader {
  readonly #source: AsyncIterator<Buffer>;
  readonly #splitter: MboxSplitter;
  #events: Event[] = [];
  #at = 0;
  #isDone = false;
  #isInMessage = false;

  constructor(source: AsyncIterable<Buffer>, kind: MboxKind) {
    this.#source = source[Symbol.asyncIterator]();
    const push = (event: Event): unknown => this.#events.push(event);
    this.#splitter = new MboxSplitter(
      { begin: (line) => push({ line }), data: (bytes) => push(bytes), end: () => push('end') },
      kind,
    );
  }

  async next(): Promise<Event | undefined> {
    while (this.#at === this.#events.length) {
      if (this.#isDone) return undefined;
      this.#events = [];
      this.#at = 0;
      const { done, value } = await this.#source.next();
      this.#isDone = done === true;
      if (!(done ? this.#splitter.end() : this.#splitter.feed(value))) throw new NotMbox();
    }
    const event = this.#events[this.#at++]!;
    this.#isInMessage = event !== 'end';
    return event;
  }

  /** The rest of the message under way. */
  async *content(): AsyncGenerator<Buffer, void, undefined> {
    while (this.#isInMessage) {
      const event = await this.next();
      if (Buffer.isBuffer(event)) yield event;
    }
  }

  async stop(): Promise<void> {
    this.#isDone = true;
    await this.#source.return?.();
  }
}
