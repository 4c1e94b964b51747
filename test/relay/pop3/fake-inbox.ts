// An inbox of a few mails, as much of one as POP3 and webhooks ask for.

import type {
  Inbox,
  InboxEvent,
  InboxPage,
  InboxSummary,
  Namespace,
  PageAsk,
  Selection,
} from '../../../relay/inbox/inbox.ts';
import type { MaildropMail } from '../../../relay/store/store.ts';

export interface FakeMail {
  readonly content: string;
  readonly namespace?: string;
  readonly parsed?: boolean;
  readonly receivedAt?: number;
}

export class FakeInbox
  implements Pick<Inbox, 'page' | 'content' | 'delete' | 'namespaces' | 'cursor' | 'subscribe' | 'counts'>
{
  mails: (InboxSummary & { readonly content: string })[] = [];
  readonly deleted: string[] = [];
  known: Namespace[] = [];
  /** How many pieces of a content were asked for. */
  pieces = 0;
  pieceBytes = 1000;
  failsWith: Error | null = null;
  readonly #listeners = new Set<(event: InboxEvent) => void>();
  #seq = 0;

  constructor(mails: readonly (FakeMail | string)[] = []) {
    for (const one of mails) this.add(one);
  }

  get inbox(): Inbox {
    return this as unknown as Inbox;
  }

  add(given: FakeMail | string): InboxSummary {
    const {
      content,
      namespace = '',
      parsed = true,
      receivedAt = Date.now(),
    } = typeof given === 'string' ? { content: given } : given;
    const seq = ++this.#seq;
    const message = {
      ...{ seq, id: `m${String(seq).padStart(21, '0')}`, namespace, read: false, tags: ['one'], receivedAt },
      ...{ size: Buffer.byteLength(content, 'latin1'), username: '', sender: 'a@x.example', parsed },
      ...{ recipients: ['b@x.example'], messageId: `${seq}@x`, from: { name: 'A', address: 'a@x.example' } },
      ...{ to: [{ name: '', address: 'b@x.example' }], cc: [], bcc: [], replyTo: [] },
      ...{ subject: `mail ${seq}`, snippet: 'text', attachments: 0, inlines: 0, content },
    };
    this.mails.push(message);
    for (const heed of this.#listeners) heed({ type: 'new', message });
    return message;
  }

  async page({ namespace, limit, afterSeq = 0, query }: PageAsk): Promise<InboxPage> {
    if (this.failsWith) throw this.failsWith;
    // Of queries it knows one: a part of the text.
    const [, wanted = ''] = /"text":"(\w+)"/.exec(JSON.stringify(query) ?? '') ?? [];
    const found = this.mails.filter(
      (one) =>
        one.seq > afterSeq && (namespace === undefined || one.namespace === namespace) && one.content.includes(wanted),
    );
    const [total, unread] = [this.mails.length, this.mails.length];
    const counts = { total, unread, matching: found.length, matchingUnread: found.length, tags: [] };
    return { messages: found.slice(0, limit), ...counts };
  }

  async content(id: string): Promise<AsyncIterable<Buffer> | undefined> {
    const one = this.mails.find((mail) => mail.id === id);
    return one && this.#piecesOf(Buffer.from(one.content, 'latin1'));
  }

  async delete({ ids, namespace }: Selection): Promise<number> {
    if (this.failsWith) throw this.failsWith;
    const gone = this.mails.filter(
      (one) => ids?.includes(one.id) && (namespace === undefined || one.namespace === namespace),
    );
    this.mails = this.mails.filter((one) => !gone.includes(one));
    this.deleted.push(...gone.map(({ id }) => id));
    return gone.length;
  }

  async namespaces(): Promise<Namespace[]> {
    return this.known;
  }

  async cursor(): Promise<number> {
    return this.#seq;
  }

  subscribe(heed: (event: InboxEvent) => void): () => void {
    this.#listeners.add(heed);
    return () => this.#listeners.delete(heed);
  }

  async counts(): Promise<{ messages: number; unread: number }> {
    if (this.failsWith) throw this.failsWith;
    return { messages: this.mails.length, unread: this.mails.length };
  }

  /** The mails as the store has them for POP3. */
  maildrop = async (after: number, namespace: string | null, limit: number): Promise<MaildropMail[]> =>
    this.mails
      .filter((one) => one.seq > after && (namespace === null || one.namespace === namespace))
      .slice(0, limit)
      .map(({ seq, id, size, content }) => ({ seq, id, size, isOpen: size > 0 && !content.endsWith('\r\n') }));

  async *#piecesOf(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < bytes.length; at += this.pieceBytes) {
      this.pieces++;
      yield bytes.subarray(at, at + this.pieceBytes);
    }
  }
}
