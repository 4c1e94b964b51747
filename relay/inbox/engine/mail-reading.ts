// A mail whole, or one of its parts: read anew from its bytes, since nothing of that is kept.
import { ChatError } from '../../../src/errors.ts';
import type { InboxMessage, PartContent } from '../inbox.ts';
import { openPart, parseMail, summarise } from '../parse-mail.ts';
import type { Listing } from './listing.ts';
import { mailSummary } from './mail-row.ts';
import type { MailSource } from './mail-source.ts';

/** Longer mail is not read whole: its source can be had all the same. */
const MAX_BYTES = 256 << 20;
/** Longer ones are read one at a time. */
const LONG_BYTES = 4 << 20;

export class MailReading {
  readonly #listing: Listing;
  readonly #source: MailSource;
  readonly #reading: Float64Array;
  #before: Promise<unknown> = Promise.resolve();

  constructor(listing: Listing, source: MailSource, reading: Float64Array) {
    this.#listing = listing;
    this.#source = source;
    this.#reading = reading;
  }

  /** Rejects with MAIL_TOO_LARGE. */
  message(id: string): Promise<InboxMessage | undefined> {
    return this.#with(id, async (bytes) => {
      const mail = await parseMail(bytes);
      const summary = this.#listing.summary(id);
      if (!summary) return undefined;
      const stored = summary.parsed ? undefined : this.#listing.storedById(id);
      const { attachments, inline } = mail;
      const now = stored && { ...mailSummary(stored, mail, summarise(mail)), attachments: attachments.length };
      return { summary: now ? { ...summary, ...now, inlines: inline.length } : summary, mail };
    });
  }

  /** Rejects with MAIL_TOO_LARGE. */
  part(id: string, partId: string): Promise<PartContent | undefined> {
    return this.#with(id, async (bytes) => {
      const part = await openPart(bytes, partId);
      // In memory of its own, which is then moved to the asker.
      return part && { ...part, bytes: new Uint8Array(part.bytes) };
    });
  }

  async #with<T>(id: string, read: (bytes: Buffer) => Promise<T>): Promise<T | undefined> {
    const size = this.#listing.summary(id)?.size;
    const seq = this.#listing.seqOf(id);
    if (size === undefined || seq === undefined) return undefined;
    if (size > MAX_BYTES) {
      throw new ChatError(
        'MAIL_TOO_LARGE',
        `the mail has ${size} bytes; more than ${MAX_BYTES} are shown as source only`,
      );
    }
    const work = async (): Promise<T | undefined> => {
      const bytes = this.#source.read(seq, MAX_BYTES);
      if (!bytes) return undefined;
      this.#reading[0] = seq;
      try {
        return await read(bytes);
      } finally {
        this.#reading[0] = 0;
      }
    };
    if (size < LONG_BYTES) return work();
    const turn = this.#before.then(work);
    this.#before = turn.catch(() => {});
    return turn;
  }
}
