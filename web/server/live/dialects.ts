// The two kinds of frames that WebSockets get: Mailpit's and MailHog's.
import type { InboxEvent } from '../../../relay/inbox/inbox.ts';
import { summaryShape } from '../../../relay/inbox/mailpit-shapes.ts';
import { version } from '../frame/version.ts';
import type { Dialect } from './hub.ts';

export const MAILPIT: Dialect = {
  name: 'mailpit',
  frame: (event) => JSON.stringify(mailpitFrame(event)),
  stats: ({ messages, unread }) =>
    JSON.stringify({ Type: 'stats', Data: { Total: messages, Unread: unread, Version: version() } }),
};

export const MAILHOG: Dialect = {
  name: 'mailhog',
  frame: (event, web) => {
    if (event.type !== 'new') return null;
    const { id } = event.message;
    return import('../mailhog/messages.ts').then(({ messageText }) => messageText(web, id));
  },
};

/** By the path that asks for it. */
export const DIALECTS: Readonly<Record<string, Dialect>> = {
  '/api/events': MAILPIT,
  '/api/v2/websocket': MAILHOG,
};

function mailpitFrame(event: InboxEvent) {
  switch (event.type) {
    case 'new':
      return { Type: 'new', Data: summaryShape(event.message) };
    case 'read':
      return { Type: 'update', Data: { ID: event.id, Read: event.read } };
    case 'tags':
      return { Type: 'update', Data: { ID: event.id, Tags: event.tags } };
    case 'deleted':
      return { Type: 'delete', Data: { ID: event.id } };
    case 'pruned':
      return { Type: 'prune', Data: null };
    case 'truncated':
      return { Type: 'truncate', Data: null };
  }
}
