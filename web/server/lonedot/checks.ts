// What can be found out about a mail: what a test looks for in it, what is wrong with it, how it differs from another.
import type { DiffLine } from '../../../relay/inbox/line-diff.ts';
import type { Handler } from '../context.ts';
import { messageFor, summaryFor } from '../frame/ask.ts';
import { Refusal } from '../frame/refusal.ts';
import { readSource } from '../messages.ts';
import { capturesFrom, foundJson } from './found.ts';

const GONE = 'the message was deleted meanwhile';

export const getExtract: Handler = async (c, web) => {
  const { id } = await summaryFor(c, web);
  const found = await foundJson(web, id, capturesFrom(c));
  if (!found) throw new Refusal(404, GONE);
  const { links, codes, captures } = found;
  return c.json({ links, codes, captures });
};

/** Worst first. `rule` is a stable name, `reference` the paragraph that it rests on. */
export const getLint: Handler = async (c, web) => {
  const { id, size } = await summaryFor(c, web);
  const source = await readSource(web.store, id, size);
  if (!source) throw new Refusal(404, GONE);
  const { lintMail } = await import('../../../relay/inbox/checks/lint.ts');
  const findings = lintMail(source.bytes, { now: web.clock.now() });
  return c.json({
    findings: findings.map(({ level, code, text, where, rule }) => {
      return { level, rule: code, message: text, where, reference: rule };
    }),
  });
};

/** `exact=1` compares also what is different each time, `tokens=1` makes tokens in links alike. */
export const getDiff: Handler = async (c, web) => {
  const before = await messageFor(c, web);
  const after = await messageFor(c, web, c.req.param('other') ?? '');
  const { diffMails } = await import('../../../relay/inbox/mail-diff.ts');
  const options = { exact: c.req.query('exact') === '1', ignoreTokens: c.req.query('tokens') === '1' };
  const { isSame, headers, text, html, tree, parts } = diffMails(before.mail, after.mail, options);
  const fields = headers.flatMap(({ name, before: old, after: now }): DiffLine[] => [
    ...(old === null ? [] : [{ kind: 'removed' as const, text: `${name}: ${old}` }]),
    ...(now === null ? [] : [{ kind: 'added' as const, text: `${name}: ${now}` }]),
  ]);
  return c.json({
    same: isSame,
    headers: hunksOf(fields),
    text: hunksOf(text),
    html: hunksOf(html),
    tree: hunksOf(tree),
    fields: headers,
    parts,
  });
};

/** Lines of one kind that follow each other, together. Of those that are left out, one tells how many they are. */
function hunksOf(lines: readonly DiffLine[]) {
  const hunks: { kind: 'same' | 'removed' | 'added'; lines: string[] }[] = [];
  for (const line of lines) {
    const kind = line.kind === 'skipped' ? 'same' : line.kind;
    const text = line.kind === 'skipped' ? `[${line.lines} lines that are the same]` : line.text;
    const last = hunks.at(-1);
    if (last?.kind === kind) last.lines.push(text);
    else hunks.push({ kind, lines: [text] });
  }
  return hunks;
}
