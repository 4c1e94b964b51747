// `lonedot ingest`: takes mail out of files into an inbox: by SMTP into one that runs, or into its database when nothing
// runs.
import { hostname } from 'node:os';
import { MAILBOX_FORMATS, type MailFile, mailIn, type Unreadable } from '../../relay/mailbox-files/files.ts';
import {
  type IngestCounts,
  type IngestTarget,
  ingest as ingestFiles,
  smtpTarget,
} from '../../relay/mailbox-files/ingest.ts';
import { parsePlace, Submitter } from '../../relay/mailbox-files/submit.ts';
import { checkDatabase, isPostgresUrl } from '../../relay/store/postgres-url.ts';
import { ChatError } from '../../src/errors.ts';
import { type OptionTable, type OptionValues, resolveOptions } from '../../src/options.ts';
import { escapeControls } from '../../src/redact.ts';
import type { Command, Context } from '../command.ts';
import { CountingLine } from '../counting-line.ts';
import { print } from '../output.ts';
import { plural, shortSize } from './queue-text.ts';
import { SUBMIT_OPTION } from './sendmail.ts';

const GROUP = 'Ingest';

const ARGUMENTS = {
  path: {
    type: 'string',
    positional: true,
    list: true,
    describe: 'Files (.eml, mbox), folders of them, Maildirs; - is standard input',
  },
  database: {
    type: 'path',
    short: 'd',
    otherwise: 'by SMTP',
    describe: 'File, or postgres:// URL, of a database to write to instead of a server',
    group: GROUP,
  },
  format: {
    // Unlike the one of --log-format.
    key: 'fileFormat',
    type: 'choice',
    choices: MAILBOX_FORMATS,
    default: 'auto',
    describe: 'What the files are; mboxo is an mbox whose >>From lines were so in the mail',
    group: GROUP,
  },
  to: {
    type: 'string',
    list: true,
    otherwise: 'as the header says',
    describe: 'Recipient of every mail; may be repeated',
    group: GROUP,
  },
  from: {
    type: 'string',
    otherwise: 'as file and header say',
    describe: 'Sender of every mail; <> for none',
    group: GROUP,
  },
} as const satisfies OptionTable;

type Given = OptionValues<typeof ARGUMENTS>;

export const ingest: Command = {
  usage: 'ingest PATH... [options]',
  description: `Takes the mail in files into a running lonedot (by SMTP), or into a database.

What cannot be taken is told, a line each, and the rest goes on; the exit code is 1 then.`,
  examples: [
    ['lonedot ingest mails/', 'every .eml and .mbox below the folder, into the sink on port 1025'],
    ['lonedot ingest ~/Maildir archive.mbox -S 127.0.0.1:2025', 'a Maildir and an mbox, into another one'],
    ['zcat list.mbox.gz | lonedot ingest - --to list@x.example', 'from a pipe, with a recipient'],
    ['lonedot ingest archive.mbox -d inbox.db', 'into a database; lonedot -d inbox.db -m 0 shows all of it'],
  ],
  note: 'The server may also be named by LONEDOT_SMTP or MP_SENDMAIL_SMTP_ADDR.',
  table: { ...ARGUMENTS, smtp: { ...SUBMIT_OPTION.smtp, group: GROUP } },
  run: async (context) => {
    const { flags = new Map() } = context.sources;
    // From the command line alone: a LONEDOT_DATABASE that lies about is a running sink's.
    const given = resolveOptions(ARGUMENTS, { flags });
    const { path: paths } = given;
    if (paths === undefined)
      throw new ChatError('BAD_OPTION', 'ingest needs a file, a folder, or - for standard input');
    if (given.database !== undefined && flags.has('smtp'))
      throw new ChatError('BAD_OPTION', '--database and --smtp exclude each other');
    const target = await targetOf(given, context);
    const line = new CountingLine(process.stderr, context.manner.level === 'error');
    try {
      const options = { to: given.to ?? [], from: given.from === '<>' ? '' : given.from };
      const counts = await ingestFiles(all(paths, given), target, options, {
        progress: (counts) => line.show(() => summary(counts)),
        failed: (label, reason) => line.line(`lonedot: ${escapeControls(label)}: ${escapeControls(reason)}`),
      });
      line.end();
      if (context.manner.level !== 'error') await print(`${summary(counts)}\n`);
      return counts.failed > 0 ? 1 : 0;
    } finally {
      line.end();
      await target.close();
    }
  },
};

async function* all(
  paths: readonly string[],
  { fileFormat }: Given,
): AsyncGenerator<MailFile | Unreadable, void, undefined> {
  for (const path of paths) yield* mailIn(path, fileFormat, process.stdin);
}

async function targetOf({ database }: Given, { sources, log }: Context): Promise<IngestTarget> {
  if (database === undefined) {
    const { flags = new Map(), variables } = sources;
    const { smtp } = resolveOptions(SUBMIT_OPTION, { flags, ...(variables ? { variables } : {}) });
    return smtpTarget(new Submitter(parsePlace(smtp), hostname() || 'localhost', log));
  }
  checkDatabase(database);
  const { storeTarget } = await import('../../relay/mailbox-files/store-target.ts');
  if (isPostgresUrl(database)) {
    const { openPostgresStore } = await import('../../relay/store/postgres.ts');
    return storeTarget(await openPostgresStore({ url: database }));
  }
  const { openSqliteStore } = await import('../../relay/store/sqlite.ts');
  return storeTarget(await openSqliteStore({ file: database }));
}

function summary({ taken, failed, bytes }: IngestCounts): string {
  const failures = failed === 0 ? '' : `, ${failed} failed`;
  return `${plural(taken, 'mail')} taken in (${shortSize(bytes)})${failures}`;
}
