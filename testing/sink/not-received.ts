// What a test is told when a mail did not come, or one came that should not: which mails came, which of them were
// nearest and what they lack, and what the last client said.
import { formatMailbox } from '../../relay/inbox/parse-mail.ts';
import { escapeControls } from '../../src/redact.ts';
import type { Listed, SinkBackend } from './backend.ts';
import { MailExpectationError, type Miss } from './expectation-error.ts';
import { type Condition, conditionsOf, filterText, holds, type MailFilter } from './filter.ts';
import { type Mail, readMail } from './mail.ts';
import { transcriptFrom } from './transcript.ts';

export interface MissedAsk {
  readonly backend: SinkBackend;
  readonly namespace: string | undefined;
  readonly filter: MailFilter;
  readonly after: number;
  readonly count: number;
  readonly found: number;
  readonly timeout: number;
}

/** The newest that are compared. */
const COMPARED = 50;
const SHOWN = 5;
/** Lines of a dialogue, of which the last are the ones that tell. */
const MOST_LINES = 60;

export async function notReceived(ask: MissedAsk): Promise<MailExpectationError> {
  const { backend, namespace, filter, count, found, timeout } = ask;
  const { messages, matching: came } = await backend.newest({ ...ask, query: '' }, COMPARED);
  const lacking = await lacksOf(ask, messages);
  const misses = lacking.filter(({ lacks }) => lacks.length > 0).sort((a, b) => a.lacks.length - b.lacks.length);
  const dialogue = await lastDialogue(backend, namespace, messages[0]);
  const wanted = filterText(filter);
  const what = `${count === 1 ? 'No mail' : `${found} of ${count} mails`} came${wanted === '' ? '' : ` (${wanted})`}`;
  const lines = [
    `${what} within ${timeout} ms${namespace === undefined ? '' : ` in the namespace ${namespace}`}: ${cameText(ask, came, lacking)}.`,
    ...misses.slice(0, SHOWN).map((miss) => `  ${missText(miss)}`),
    ...dialogueText(ask, dialogue),
  ];
  return new MailExpectationError(lines.join('\n'), misses.slice(0, SHOWN), dialogue);
}

/** `expected` mails were to come, and these did. */
export async function tooMany(ask: MissedAsk, mails: readonly Mail[]): Promise<MailExpectationError> {
  const { backend, namespace, filter, count } = ask;
  const wanted = filterText(filter);
  const last = mails.at(-1)!;
  const dialogue = transcriptFrom(await backend.transcript(last.id), last.id).text;
  const number = mails.length === 1 ? '1 mail' : `${mails.length} mails`;
  const lines = [
    `${number} came${wanted === '' ? '' : ` (${wanted})`}${namespace === undefined ? '' : ` in the namespace ${namespace}`}, ${count === 0 ? 'none' : count} expected:`,
    ...mails.slice(0, SHOWN).map((mail) => `  ${headText(missOf({ ...mail, recipients: mail.envelope.to }, []))}`),
    ...dialogueText(ask, dialogue),
  ];
  return new MailExpectationError(lines.join('\n'), [], dialogue);
}

async function lacksOf({ backend, namespace, filter, after }: MissedAsk, messages: readonly Listed[]): Promise<Miss[]> {
  const conditions: readonly Condition[] = conditionsOf(filter);
  const { query = '' } = filter;
  const having =
    query === ''
      ? null
      : new Set((await backend.newest({ namespace, query, after }, COMPARED)).messages.map(({ id }) => id));
  return Promise.all(
    messages.map(async (listed) => {
      let read: Promise<Mail | null> | undefined;
      const whole = () => {
        read ??= backend.mail(listed.id).then((data) => data && readMail(data, backend));
        return read;
      };
      const lacks: string[] = [];
      for (const condition of conditions) {
        // What a test's own function throws here it has thrown before, or does not concern this mail.
        if (!(await holds(condition, listed, whole).catch(() => false))) lacks.push(condition.says);
      }
      if (having !== null && !having.has(listed.id)) lacks.push(`query ${JSON.stringify(query)}`);
      return missOf(listed, lacks);
    }),
  );
}

function missOf(mail: Pick<Listed, 'id' | 'subject' | 'from' | 'recipients'>, lacks: readonly string[]): Miss {
  const { id, subject, from, recipients } = mail;
  return { id, subject, from: from === null ? '' : formatMailbox(from), to: recipients, lacks };
}

function cameText({ found, after }: MissedAsk, came: number, mails: readonly Miss[]): string {
  if (came === 0) return after > 0 ? 'none at all since then' : 'none at all';
  const number = came === 1 ? '1 mail came' : `${came} mails came`;
  if (found > 0) return number;
  const all = new Set(mails.flatMap(({ lacks }) => lacks));
  const nobody = [...all].filter((says) => mails.every(({ lacks }) => lacks.includes(says)));
  return `${number}, none ${nobody.length > 0 ? nobody.join(' or ') : 'has all of it'}`;
}

function missText(miss: Miss): string {
  return `${headText(miss)}; not ${miss.lacks.join(', not ')}`;
}

function headText({ subject, from, to }: Miss): string {
  const people = to.slice(0, 5).join(', ') + (to.length > 5 ? `, and ${to.length - 5} more` : '');
  return escapeControls(`${JSON.stringify(subject)} from ${from || '<>'} to ${people}`);
}

/** Of the newest session when that brought no mail, or else of the newest mail. */
async function lastDialogue(
  backend: SinkBackend,
  namespace: string | undefined,
  newest: Listed | undefined,
): Promise<string> {
  const sessions = backend.sessions() ?? [];
  // Which namespace a session belongs to is told by the recipients in it.
  const last = sessions.find(
    ({ lines }) => namespace === undefined || lines.some(({ text }) => text.includes(namespace)),
  );
  const words = last === undefined ? '' : transcriptFrom(last.lines, null).text;
  if (last?.mails === 0 || newest === undefined) return words;
  const came = transcriptFrom(await backend.transcript(newest.id), newest.id).text;
  return namespace === undefined ? came + words : came;
}

function dialogueText({ backend }: MissedAsk, dialogue: string): string[] {
  if (dialogue === '')
    return backend.sessions()?.length === 0 ? [`Nobody has connected to ${backend.host}:${backend.port}.`] : [];
  const lines = dialogue.trimEnd().split('\n');
  const cut = lines.length > MOST_LINES ? [`  # ${lines.length - MOST_LINES} lines before that`] : [];
  return ['The last session:', ...cut, ...lines.slice(-MOST_LINES).map((line) => `  ${line}`)];
}
