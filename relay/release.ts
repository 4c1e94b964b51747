// Release: a captured mail goes on to an upstream after all, to recipients of somebody's choice. A copy with the same
// bytes is put into the queue; delivery, retries and the record of attempts are those of all mail, and whoever asks for
// it waits for the commit only.
import { ChatError } from '../src/errors.ts';
import type { Log } from '../src/log.ts';
import { parsePath } from './smtp/path.ts';
import type { NewMessage, Store } from './store/store.ts';

/** What the options say about it. */
export interface ReleasePolicy {
  /** The name of the first, without secrets; '' when there is none. */
  readonly upstream: string;
  /** Instead of the mail's own sender. */
  readonly sender: string | undefined;
  /** As given, for those who show it; ''. */
  readonly allowed: string;
  readonly blocked: string;
  mayGoTo(recipient: string): boolean;
}

const MAX_RECIPIENTS = 1000;

export class Release {
  /** Replaced by a reload. */
  policy: ReleasePolicy;
  private readonly store: Pick<Store, 'begin' | 'content' | 'get'>;
  private readonly queued: () => void;
  private readonly log: Log;

  /** `queued` is called when there is something new to deliver. */
  constructor(
    policy: ReleasePolicy,
    { store, queued, log }: { store: Pick<Store, 'begin' | 'content' | 'get'>; queued: () => void; log: Log },
  ) {
    this.policy = policy;
    this.store = store;
    this.queued = queued;
    this.log = log;
  }

  get upstream(): string {
    return this.policy.upstream;
  }

  /**
   * `to`: each `a@b.example` or `Name <a@b.example>`. `from`: '' is the null sender; without it what the options say, or
   * the mail's own. Resolves with the queue id of the copy. Rejects with RELEASE_REFUSED and one line when there is no
   * such mail, no upstream, or a recipient that is no address or not allowed; with STORE_FAILED.
   */
  async release(id: string, to: readonly string[], from?: string): Promise<string> {
    const recipients = this.checked(to);
    const message = await this.store.get(id);
    const content = message && (await this.store.content(id));
    if (!message || !content) throw refused('there is no such mail');
    const sender = from ?? this.policy.sender ?? message.sender;
    if (from && addressOf(from) === null) throw refused(`${JSON.stringify(from.slice(0, 320))} is no address`);
    const { parameters, helo, clientAddress, protocol, tls, authUser, traits } = message;
    const copy: NewMessage = {
      receivedAt: Date.now(),
      sender,
      // What binds the way: REQUIRETLS. A size that was announced is known better by now.
      parameters: parameters.filter(([keyword]) => keyword !== 'SIZE' && keyword !== 'AUTH'),
      ...{ helo, clientAddress, protocol, tls, authUser, traits },
      isRelease: true,
      recipients: recipients.map((address) => ({ address, parameters: [], route: 'relay' })),
    };
    const writer = this.store.begin();
    try {
      for await (const piece of content) await writer.write(piece);
      await writer.commit(copy);
    } catch (error) {
      writer.abort();
      throw error;
    }
    this.log.info('message.released', { id: writer.id, of: id, from: sender, to: recipients });
    this.queued();
    return writer.id;
  }

  private checked(given: readonly string[]): string[] {
    const { upstream } = this.policy;
    if (upstream === '') throw refused('there is no upstream to release mail to; start with --upstream');
    if (given.length === 0) throw refused('nobody is named to release it to');
    if (given.length > MAX_RECIPIENTS) throw refused(`a mail is released to at most ${MAX_RECIPIENTS} at a time`);
    const addresses = given.map((text) => {
      const address = addressOf(/<([^<>]*)>\s*$/.exec(text)?.[1] ?? text.trim());
      if (address === null) throw refused(`${JSON.stringify(text.slice(0, 320))} is no address`);
      if (!this.policy.mayGoTo(address)) throw refused(`mail may not be released to ${address}`);
      return address;
    });
    return [...new Set(addresses)];
  }
}

/** Null when it is none. */
function addressOf(text: string): string | null {
  const path = parsePath(`<${text}>`, { empty: false, postmaster: false });
  return typeof path === 'string' || path.rest !== '' || path.address !== text ? null : path.address;
}

function refused(why: string): ChatError {
  return new ChatError('RELEASE_REFUSED', why);
}
