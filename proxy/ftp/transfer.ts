// One data connection, seen by whoever watches: a connection of its own in the dialogue, folded like a content, and at its
// end one line about it beside the command that it was for.
import { createHash, type Hash } from 'node:crypto';
import type { SideName } from '../dialogue/event.ts';
import { Observer, type ObserverOptions } from '../dialogue/observer.ts';
import type { PairEnd, PairObserver } from '../pair.ts';
import { ENDLESS, type Profile } from '../profiles/profile.ts';

/** All that a data connection says is a content; with TLS inside (PROT P, RFC 4217 9) it is one too. */
const DATA: Profile = {
  name: 'ftp-data',
  start: (talk) => {
    talk.client.next(ENDLESS);
    talk.server.next(ENDLESS);
    return { client: () => {}, server: () => {} };
  },
};

export interface TransferOptions extends Omit<ObserverOptions, 'profile'> {
  /** The server has connected to the client. */
  readonly isActive: boolean;
  /** Somebody reads what is said of it. */
  readonly isWatched: boolean;
  /** `RETR a.bin`, as far as it was said. */
  command(): string;
  /** Something has moved. */
  moved(): void;
  /** What there is to say of it; false when nobody can say it any more. */
  ended(summary: string): boolean;
}

export class Transfer implements PairObserver {
  private readonly options: TransferOptions;
  private readonly observer: Observer;
  private readonly hashes: Partial<Record<SideName, Hash>> = {};

  constructor(options: TransferOptions) {
    this.options = options;
    this.observer = new Observer({ ...options, profile: DATA });
  }

  feed(from: SideName, chunk: Buffer): void {
    const side = this.side(from);
    if (this.options.isWatched) {
      this.hashes[side] ??= createHash('sha256');
      this.hashes[side].update(chunk);
    }
    this.observer.feed(side, chunk);
    this.options.moved();
  }

  finish(from: SideName): void {
    this.observer.finish(this.side(from));
  }

  note(text: string): void {
    this.observer.note(text);
  }

  close({ bytesUp, bytesDown, error }: PairEnd): void {
    const [up, down] = this.options.isActive ? [bytesDown, bytesUp] : [bytesUp, bytesDown];
    const { client, server } = this.hashes;
    const one = client && server ? undefined : (client ?? server);
    const command = this.options.command() || 'data';
    const bytes = up > 0 && down > 0 ? `${up} bytes up, ${down} down` : `${up + down} bytes`;
    const sum = one ? `, sha256 ${one.digest('hex')}` : '';
    const failure = error === '' ? '' : `; failed: ${error}`;
    const summary = `${command}: ${bytes}${sum}${failure}`;
    if (!this.options.ended(summary)) this.observer.note(summary);
    this.observer.close({ bytesUp: up, bytesDown: down, error });
  }

  /** The client of the pair is whoever has connected. */
  private side(from: SideName): SideName {
    if (!this.options.isActive) return from;
    return from === 'client' ? 'server' : 'client';
  }
}
