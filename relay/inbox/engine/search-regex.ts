// Regular expressions of a search: tried on the texts of mails that match the rest of it. One can be written that takes
// for ever on an ordinary text, so they run where they can be broken off.
import { type Context, createContext, Script } from 'node:vm';
import { ChatError } from '../../../src/errors.ts';
import type { Database, Query } from '../../store/sqlite-database.ts';
import type { Mailbox } from '../parsed-mail.ts';
import type { TextField } from '../search-query.ts';
import type { KeptSummary } from './mail-row.ts';
import type { RegexQuery } from './search-sql.ts';

/** For all regular expressions of one search. */
const BUDGET_MS = 1000;
/** Mails whose texts are in memory at a time. */
const BATCH = 200;

const TRY = new Script(
  '((regex) => mails.map((texts) => texts.some((text) => regex.test(text))))(new RegExp(source, flags))',
);

export class RegexSearch {
  readonly #texts: Query<[number, string, string, string]>;
  readonly #context: Context = createContext({});
  #leftMs = BUDGET_MS;

  constructor(db: Database) {
    this.#texts = db.query(
      'SELECT seq, summary, other, body FROM inbox_text WHERE seq IN (SELECT value FROM json_each(?))',
    );
  }

  /** Those of the mails that match. Throws BAD_SEARCH when it takes too long. */
  hits(query: RegexQuery, seqs: readonly number[]): number[] {
    const hits: number[] = [];
    for (let start = 0; start < seqs.length; start += BATCH) {
      const rows = this.#texts.all(JSON.stringify(seqs.slice(start, start + BATCH)));
      const found = this.#try(
        query,
        rows.map(([, summary, other, body]) => textsOf(query.field, summary, other, body)),
      );
      for (const [i, [seq]] of rows.entries()) if (found[i]) hits.push(seq);
    }
    return hits;
  }

  #try({ source, ignoreCase }: RegexQuery, mails: readonly (readonly string[])[]): readonly boolean[] {
    const started = performance.now();
    Object.assign(this.#context, { source, flags: ignoreCase ? 'i' : '', mails });
    try {
      return TRY.runInContext(this.#context, { timeout: Math.max(1, Math.ceil(this.#leftMs)) }) as boolean[];
    } catch (error) {
      const shown = JSON.stringify(source);
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
        throw new ChatError('BAD_SEARCH', `the regular expression ${shown} takes too long; make it simpler`);
      }
      throw new ChatError('BAD_SEARCH', `${shown} is no regular expression: ${(error as Error).message}`);
    } finally {
      this.#leftMs -= performance.now() - started;
      Object.assign(this.#context, { mails: null });
    }
  }
}

/** A field with addresses is tried as a whole and address by address, so that ^ and $ can mean either. */
function textsOf(field: TextField, json: string, other: string, body: string): string[] {
  if (field === 'body') return [body];
  const summary = JSON.parse(json) as KeptSummary;
  const people = ({
    from,
    to,
    cc,
    bcc,
    replyTo,
  }: KeptSummary): Readonly<Partial<Record<TextField, readonly Mailbox[]>>> => ({
    from: from === null ? [] : [from],
    to,
    cc,
    bcc,
    'reply-to': replyTo,
    addressed: [...(from === null ? [] : [from]), ...to, ...cc, ...bcc, ...replyTo],
  });
  const of = people(summary);
  switch (field) {
    case 'subject':
      return [summary.subject];
    case 'message-id':
      return [summary.messageId];
    case 'any':
      return [summary.subject, body, ...other.split('\n'), ...(of.addressed ?? []).flatMap(formsOf)];
    default:
      return (of[field] ?? []).flatMap(formsOf);
  }
}

function formsOf({ name, address }: Mailbox): string[] {
  return name === '' ? [address] : [`${name} <${address}>`, address, name];
}
