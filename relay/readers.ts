// What reads the inbox of a sink beside the web server, where it is asked for: mail programs by POP3, and webhooks. Both
// are loaded only then.
import { ChatError } from '../src/errors.ts';
import type { Log } from '../src/log.ts';
import type { Inbox } from './inbox/inbox.ts';
import type { RelayOptions, SinkOptions } from './options.ts';
import type { Pop3Service } from './pop3/service.ts';
import type { Security } from './security.ts';
import type { Store } from './store/store.ts';
import type { WebhookService } from './webhooks/service.ts';
import type { HookView } from './webhooks/webhook.ts';

export interface Readers {
  /** The bound addresses: a port 0 has become a number. */
  readonly pop3: readonly string[];
  readonly pop3s: readonly string[];
  /** The webhooks and how they do. */
  webhooks(): readonly HookView[];
  /** The next login looks at its files at once. */
  reload(): void;
  /** Lets POP3 sessions come to their end, and breaks off what is told to webhooks; before the store is closed. */
  stop(drainMs: number): Promise<void>;
}

interface Parts {
  readonly store: Store;
  /** Null where the engine has none. */
  readonly inbox: Inbox | null;
  /** The seq of the newest mail before the first session; see newestIn(). */
  readonly newest: Promise<number>;
  readonly security: Security;
  readonly log: Log;
}

const NONE: Readers = {
  pop3: [],
  pop3s: [],
  webhooks: () => [],
  reload: () => {},
  stop: async () => {},
};

/** To be asked before a session can have the store: what comes later is new to a webhook. */
export function newestIn(store: Store, options: SinkOptions | RelayOptions): Promise<number> {
  if (options.mode !== 'sink' || options.webhookUrl === undefined) return Promise.resolve(0);
  const newest = store.list(1).then(([one]) => one?.seq ?? 0);
  // A start that fails before anybody asks for it tells the same in its own words.
  newest.catch(() => {});
  return newest;
}

/** Rejects with LISTEN_FAILED or BAD_OPTION; nothing is left open then. */
export async function startReaders(options: SinkOptions | RelayOptions, parts: Parts): Promise<Readers> {
  if (options.mode !== 'sink') return NONE;
  const { store, inbox, security, log } = parts;
  const wantsPop3 = options.pop3 !== undefined || options.pop3s !== undefined;
  const wantsHooks = options.webhookUrl !== undefined;
  if (!wantsPop3 && !wantsHooks) return NONE;
  const { hookCursor, setHookCursor, maildrop } = store;
  if (inbox === null || !hookCursor || !setHookCursor || !maildrop) {
    const what = wantsPop3 ? 'pop3' : 'webhook-url';
    throw new ChatError('BAD_OPTION', `${what}: needs the inbox, which there is only in a database that is a file`);
  }
  let pop3: Pop3Service | null = null;
  let hooks: WebhookService | null = null;
  if (wantsPop3) {
    const { startPop3 } = await import('./pop3/service.ts');
    pop3 = await startPop3(options, { inbox, mails: maildrop.bind(store), security, log });
  }
  try {
    if (wantsHooks) {
      const { startWebhooks } = await import('./webhooks/service.ts');
      const cursors = { hookCursor: hookCursor.bind(store), setHookCursor: setHookCursor.bind(store) };
      hooks = startWebhooks(options, { inbox, cursors, newest: await parts.newest, log });
    }
  } catch (error) {
    await pop3?.drain(0);
    throw error;
  }
  return {
    pop3: pop3?.pop3 ?? [],
    pop3s: pop3?.pop3s ?? [],
    webhooks: () => hooks?.views() ?? [],
    reload: () => pop3?.reload(),
    stop: async (drainMs) => {
      await Promise.all([pop3?.drain(drainMs), hooks?.stop()]);
    },
  };
}
