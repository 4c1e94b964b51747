// Mailpit's routes about the server: what runs here, what its page may show, and which routes there are.
import { stat } from 'node:fs/promises';
import { isPostgresUrl } from '../../../relay/store/postgres-url.ts';
import type { Handler, Web } from '../context.ts';
import { inboxOf, scopeOf } from '../frame/ask.ts';
import { version } from '../frame/version.ts';

export const getInfo: Handler = async (c, web) => {
  const { stats, database = '' } = web;
  const inbox = inboxOf(web);
  const [counts, tags, size] = await Promise.all([
    inbox.counts(scopeOf(c)),
    inbox.tags(scopeOf(c)),
    databaseSize(database),
  ]);
  return c.json({
    Version: version(),
    // Nobody is asked for a newer one.
    LatestVersion: version(),
    Database: database,
    DatabaseSize: size,
    Messages: counts.messages,
    Unread: counts.unread,
    Tags: Object.fromEntries(tags.map(({ tag, messages }) => [tag, messages])),
    RuntimeStats: {
      Uptime: Math.floor(process.uptime()),
      Memory: process.memoryUsage.rss(),
      MessagesDeleted: Math.max(0, stats.accepted - counts.messages),
      SMTPAccepted: stats.accepted,
      SMTPAcceptedSize: stats.acceptedBytes,
      SMTPRejected: [...stats.refusals.values()].reduce((sum, count) => sum + count, 0),
      SMTPIgnored: 0,
    },
  });
};

export const getWebUi: Handler = async (c, web) => {
  const { label = '' } = web.options;
  return c.json({
    Label: label,
    MessageRelay: relayShape(web),
    SpamAssassin: web.options.enableSpamassassin !== undefined,
    ChaosEnabled: web.chaos != null,
    DuplicatesIgnored: false,
    HideDeleteAllButton: false,
  });
};

function relayShape({ release }: Web) {
  return {
    Enabled: release != null,
    SMTPServer: release?.policy.upstream ?? '',
    ReturnPath: release?.policy.sender ?? '',
    AllowedRecipients: release?.policy.allowed ?? '',
    BlockedRecipients: release?.policy.blocked ?? '',
    OverrideFrom: '',
    PreserveMessageIDs: true,
    // Of old; its clients' tests still look for it.
    RecipientAllowlist: release?.policy.allowed ?? '',
  };
}

/** 0 for a temporary one, and for one on a server. */
async function databaseSize(database: string): Promise<number> {
  if (database === '' || isPostgresUrl(database)) return 0;
  const sizes = await Promise.all(
    ['', '-wal'].map((end) =>
      stat(database + end)
        .then(({ size }) => size)
        .catch(() => 0),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
