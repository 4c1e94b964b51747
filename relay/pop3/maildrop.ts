// The mail that one POP3 session sees: numbered when it logs in, and unchanged until it says QUIT (RFC 1939 section 4).
// Of each mail it holds the id and the size, packed, since there may be a hundred thousand of them.
import type { Inbox, Scope } from '../inbox/inbox.ts';
import type { Store } from '../store/store.ts';

/** A store's ids. */
const ID_BYTES = 22;
/** Mails that are asked for at a time, so that commits come in between. */
const PAGE = 2000;
const DELETE_AT_ONCE = 500;

/** The store's: at most `limit` mails behind a seq, of a namespace or of all, oldest first. */
export type MailPages = NonNullable<Store['maildrop']>;

export interface Totals {
  readonly messages: number;
  readonly octets: number;
}

export class Maildrop {
  readonly #inbox: Inbox;
  readonly #scope: Scope;
  #ids: Buffer = Buffer.alloc(ID_BYTES * 64);
  readonly #sizes: number[] = [];
  readonly #deleted = new Set<number>();

  static async open(inbox: Inbox, scope: Scope, mails: MailPages): Promise<Maildrop> {
    const drop = new Maildrop(inbox, scope);
    // Whoever has just sent a mail looks for it here: it is indexed when this is answered.
    await inbox.counts(scope);
    let after = 0;
    for (;;) {
      const page = await mails(after, scope.namespace ?? null, PAGE);
      // What ends without CRLF is sent with one.
      for (const { id, size, isOpen } of page) drop.#add(id, isOpen ? size + 2 : size);
      if (page.length < PAGE) return drop;
      after = page.at(-1)!.seq;
    }
  }

  private constructor(inbox: Inbox, scope: Scope) {
    this.#inbox = inbox;
    this.#scope = scope;
  }

  /** Those that were there, also if they are marked by now: the highest number. */
  get highest(): number {
    return this.#sizes.length;
  }

  /** Without those that are marked. */
  totals(): Totals {
    let octets = 0;
    for (const [i, size] of this.#sizes.entries()) if (!this.#deleted.has(i + 1)) octets += size;
    return { messages: this.#sizes.length - this.#deleted.size, octets };
  }

  /** Whether there is a mail of this number that is not marked. */
  has(number: number): boolean {
    return number >= 1 && number <= this.#sizes.length && !this.#deleted.has(number);
  }

  id(number: number): string {
    const at = (number - 1) * ID_BYTES;
    return this.#ids.toString('latin1', at, at + ID_BYTES);
  }

  /** Octets as RETR sends it, before the dots are stuffed (RFC 1939 section 11). */
  size(number: number): number {
    return this.#sizes[number - 1]!;
  }

  /** Undefined when it has gone since: somebody else deleted it. */
  content(number: number): Promise<AsyncIterable<Buffer> | undefined> {
    return this.#inbox.content(this.id(number));
  }

  mark(number: number): void {
    this.#deleted.add(number);
  }

  unmark(): void {
    this.#deleted.clear();
  }

  /** Deletes what is marked. */
  async update(): Promise<void> {
    const ids = [...this.#deleted].map((number) => this.id(number));
    for (let at = 0; at < ids.length; at += DELETE_AT_ONCE) {
      await this.#inbox.delete({ ...this.#scope, ids: ids.slice(at, at + DELETE_AT_ONCE) });
    }
  }

  #add(id: string, size: number): void {
    const at = this.#sizes.push(size) * ID_BYTES - ID_BYTES;
    if (at + ID_BYTES > this.#ids.length) {
      const grown = Buffer.alloc(this.#ids.length * 2);
      this.#ids.copy(grown);
      this.#ids = grown;
    }
    this.#ids.write(id, at, 'latin1');
  }
}
