// `lonedot export`: writes the mail of an inbox to files: out of a database, or out of a lonedot (or a Mailpit) that runs.
import { stat } from 'node:fs/promises';
import { type ExportMail, exportFolder, exportMbox, printMbox } from '../../relay/mailbox-files/export.ts';
import { exportedFromHttp } from '../../relay/mailbox-files/export-http.ts';
import { isPostgresUrl } from '../../relay/store/postgres-url.ts';
import { ChatError } from '../../src/errors.ts';
import { type OptionTable, type OptionValues, resolveOptions } from '../../src/options.ts';
import type { Command, Context } from '../command.ts';
import { CountingLine } from '../counting-line.ts';
import { print } from '../output.ts';
import { plural } from './queue-text.ts';

const GROUP = 'Export';

const ARGUMENTS = {
  out: {
    type: 'path',
    positional: true,
    describe: 'A folder for .eml files, a FILE.mbox, or - for an mbox on standard output',
  },
  database: {
    type: 'path',
    short: 'd',
    describe: 'File of the database to read, whether lonedot runs on it or not',
    group: GROUP,
  },
  from: {
    type: 'url',
    protocols: ['http:', 'https:'],
    describe: 'Web address of a running lonedot to read instead: http://127.0.0.1:8025',
    group: GROUP,
  },
  query: {
    type: 'string',
    otherwise: 'all mail',
    describe: 'Only what this search finds, in the language of the search field',
    group: GROUP,
  },
  namespace: {
    type: 'string',
    otherwise: 'all',
    describe: 'Only the mail of this namespace',
    group: GROUP,
  },
  format: {
    // Unlike the one of --log-format.
    key: 'fileFormat',
    type: 'choice',
    choices: ['eml', 'mbox'],
    otherwise: 'by the name',
    describe: 'A folder of .eml files, byte for byte, or one mbox (mboxrd)',
    group: GROUP,
  },
} as const satisfies OptionTable;

type Given = OptionValues<typeof ARGUMENTS>;

export const exportCommand: Command = {
  usage: 'export OUT (-d FILE | --from URL) [options]',
  description: 'Writes mail to a folder of .eml files, or to one mbox, the oldest first.',
  examples: [
    ['lonedot export mails/ --from http://127.0.0.1:8025', 'all mail of a running sink, a file each'],
    ['lonedot export all.mbox -d inbox.db', 'all mail of a database as one mbox'],
    ['lonedot export - -d inbox.db --query "subject:invoice" | gzip > invoices.mbox.gz', 'what a search finds'],
  ],
  note: 'Everything is told on the command line; variables and the config file are not read.',
  table: ARGUMENTS,
  run: async ({ sources, manner, log }) => {
    const given = resolveOptions(ARGUMENTS, { flags: sources.flags ?? new Map() });
    const { out } = given;
    if (out === undefined) throw new ChatError('BAD_OPTION', 'export needs a folder, a file, or - to write to');
    if ((given.database === undefined) === (given.from === undefined))
      throw new ChatError('BAD_OPTION', 'export needs --database FILE or --from URL, one of them');
    const format = given.fileFormat ?? (out === '-' || /\.mbo?x$/i.test(out) ? 'mbox' : 'eml');
    if (format === 'eml' && out === '-') throw new ChatError('BAD_OPTION', '.eml files need a folder, not -');
    const line = new CountingLine(process.stderr, manner.level === 'error');
    const progress = (mails: number): void => line.show(() => plural(mails, 'mail'));
    const source = await sourceOf(given, log);
    try {
      const count = await write(source.mails, { out, format, progress });
      line.end();
      if (manner.level !== 'error') await print(`${plural(count, 'mail')} written to ${out}\n`, process.stderr);
      return 0;
    } finally {
      line.end();
      await source.close();
    }
  },
};

async function write(
  mails: AsyncIterable<ExportMail>,
  { out, format, progress }: { out: string; format: 'eml' | 'mbox'; progress: (mails: number) => void },
): Promise<number> {
  if (format === 'eml') return exportFolder(mails, out, progress);
  if (out !== '-') return exportMbox(mails, out, progress);
  return printMbox(mails, (bytes) => writeOut(bytes), progress);
}

/** Rejects when the reader has gone: there is nothing left to do. */
function writeOut(bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

interface Source {
  readonly mails: AsyncIterable<ExportMail>;
  close(): Promise<void>;
}

async function sourceOf({ database, from, query, namespace }: Given, log: Context['log']): Promise<Source> {
  if (from !== undefined) {
    const search = namespace === undefined ? query : `${query === undefined ? '' : `(${query}) `}ns:${namespace}`;
    return { mails: exportedFromHttp(from, search), close: async () => {} };
  }
  const { parseSearch } = await import('../../relay/inbox/search-language.ts');
  const { exportedFromDatabase } = await import('../../relay/mailbox-files/export-database.ts');
  const search = query === undefined ? undefined : parseSearch(query, { now: Date.now() });
  const file = database!;
  if (isPostgresUrl(file))
    throw new ChatError('BAD_OPTION', '--database is a file here; there is no inbox in PostgreSQL to export');
  if (!(await stat(file).catch(() => null)))
    throw new ChatError('STORE_FAILED', `database ${file}: there is no such file`);
  return exportedFromDatabase(file, { query: search, namespace }, log);
}
