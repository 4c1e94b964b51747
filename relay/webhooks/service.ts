// The webhooks of a sink, started together. Loaded only where there are some.
import { type Clock, realClock } from '../../src/clock.ts';
import type { Log } from '../../src/log.ts';
import type { Inbox } from '../inbox/inbox.ts';
import type { HookCursors } from './cursors.ts';
import { hooksOf, type WebhookOptions } from './options.ts';
import { type HookView, Webhook } from './webhook.ts';

export interface WebhookParts {
  readonly inbox: Inbox;
  readonly cursors: HookCursors;
  /** The seq of the newest mail before the first session could bring one: new hooks begin behind it. */
  readonly newest: number;
  readonly log: Log;
  readonly clock?: Clock;
  readonly dice?: () => number;
}

export interface WebhookService {
  views(): readonly HookView[];
  stop(): Promise<void>;
}

/** Throws BAD_OPTION for a hook that makes no sense. */
export function startWebhooks(options: WebhookOptions, parts: WebhookParts): WebhookService {
  const { inbox, cursors, newest, log, clock = realClock, dice = Math.random } = parts;
  const { webhookLimit, webhookDelay: delay, webhookTimeout: timeout, webhookExpire: expire } = options;
  const limit = webhookLimit || Number.POSITIVE_INFINITY;
  const hooks = hooksOf(options).map((hook) => {
    const settings = { hook, limit, delay, timeout, expire, userAgent: 'lonedot', clock, dice };
    return new Webhook(settings, inbox, cursors, log);
  });
  const leave = inbox.subscribe(({ type }) => {
    if (type === 'new') for (const hook of hooks) hook.wake();
  });
  for (const hook of hooks) hook.start(newest);
  return {
    views: () => hooks.map(({ view }) => view),
    stop: async () => {
      leave();
      await Promise.all(hooks.map((hook) => hook.stop()));
    },
  };
}
