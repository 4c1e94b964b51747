// In what two mails differ, for people who look at two versions of a template or two sendings of a test. What differs in
// every sending (ids, dates, boundaries, signatures) is made alike before.
import { scanHtml } from './html-scan.ts';
import { type DiffLine, diffLines, MAX_LINES, onlyChanges } from './line-diff.ts';
import type { MailPart, MimeNode, ParsedMail } from './parsed-mail.ts';

export interface MailDiffOptions {
  /** Whether ids, dates, boundaries, Received and signatures are compared as they are. Default false. */
  readonly exact?: boolean;
  /** Whether tokens in the addresses of links are made alike. Default false. */
  readonly ignoreTokens?: boolean;
}

export interface FieldChange {
  readonly name: string;
  /** Null: it is not there. */
  readonly before: string | null;
  readonly after: string | null;
}

export interface PartChange {
  readonly kind: 'removed' | 'added' | 'changed' | 'renamed';
  readonly before: MailPart | null;
  readonly after: MailPart | null;
}

export interface MailDiff {
  readonly isSame: boolean;
  readonly headers: readonly FieldChange[];
  /** Each empty when there is no difference. */
  readonly text: readonly DiffLine[];
  readonly html: readonly DiffLine[];
  readonly tree: readonly DiffLine[];
  readonly parts: readonly PartChange[];
}

/** Every server on the way adds its own, and none of them is the sender's. */
const TRACE = new Set(['received', 'x-received', 'return-path', 'delivered-to', 'x-original-to']);
/** What is different each time: that it is there is compared, not what it says. */
const VOLATILE = new Set([
  'arc-authentication-results',
  'arc-message-signature',
  'arc-seal',
  'authentication-results',
  'date',
  'dkim-signature',
  'in-reply-to',
  'message-id',
  'received-spf',
  'references',
  'resent-date',
  'resent-message-id',
]);
const ALIKE = '…';
/** A piece of an address that is a token: a number, an UUID, hexadecimal or random letters and digits. */
const TOKEN =
  /(?<=[/=.,_-])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{16,}|\d{4,}|(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{16,}(?:=|%3D){0,2})(?=[/?&#.,;=]|$)/gi;
const LINK = /\bhttps?:\/\/[^\s<>"']+/gi;
/** Longer ones are compared as they are: looking for tokens takes the square of their length. */
const MAX_LINK = 4096;

export function diffMails(before: ParsedMail, after: ParsedMail, options: MailDiffOptions = {}): MailDiff {
  const lines = (of: (mail: ParsedMail) => readonly string[]) =>
    onlyChanges(
      diffLines(
        ...([before, after].map((mail) => of(mail).map((line) => tokensAlike(line, options))) as [string[], string[]]),
      ),
    );
  const headers = diffHeaders(before, after, options);
  const text = lines((mail) => mail.text.replace(/\s+$/, '').split(/\r?\n/));
  const html = lines((mail) => markupLines(mail.html));
  const tree = lines((mail) => treeLines(mail.tree));
  const parts = diffParts(before, after);
  const isSame = [headers, text, html, tree, parts].every(({ length }) => length === 0);
  return { isSame, headers, text, html, tree, parts };
}

function diffHeaders(before: ParsedMail, after: ParsedMail, options: MailDiffOptions): FieldChange[] {
  const [a, b] = [fieldsOf(before, options), fieldsOf(after, options)];
  const changes: FieldChange[] = [];
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [from, to] = [a.get(key), b.get(key)];
    const name = (from ?? to)!.name;
    const [old, now] = [from?.values ?? [], to?.values ?? []];
    for (let i = 0; i < Math.max(old.length, now.length); i++) {
      const [was, is] = [old[i] ?? null, now[i] ?? null];
      if (was !== is) changes.push({ name, before: was, after: is });
    }
  }
  return changes;
}

/** By their names in lower case; their order among other fields is no difference. */
function fieldsOf(mail: ParsedMail, options: MailDiffOptions): Map<string, { name: string; values: string[] }> {
  const fields = new Map<string, { name: string; values: string[] }>();
  for (const { name, value } of mail.headers) {
    const key = name.toLowerCase();
    if (!options.exact && TRACE.has(key)) continue;
    const known = fields.get(key) ?? { name, values: [] };
    known.values.push(fieldValue(key, value, options));
    fields.set(key, known);
  }
  return fields;
}

function fieldValue(key: string, value: string, options: MailDiffOptions): string {
  if (options.exact) return value;
  if (VOLATILE.has(key)) return ALIKE;
  const folded = value.replace(/\s+/g, ' ').trim();
  return tokensAlike(key === 'content-type' ? boundaryAlike(folded) : folded, options);
}

function boundaryAlike(type: string): string {
  return type.replace(/\bboundary\s*=\s*(?:"[^"]*"|[^\s;]+)/i, `boundary=${ALIKE}`);
}

function tokensAlike(line: string, { ignoreTokens = false }: MailDiffOptions): string {
  return ignoreTokens
    ? line.replace(LINK, (link) => (link.length > MAX_LINK ? link : link.replace(TOKEN, ALIKE)))
    : line;
}

/** One tag or text a line, attributes in the order of their names, blanks collapsed. */
export function markupLines(html: string): string[] {
  const lines: string[] = [];
  const add = (text: string) => {
    for (const line of text.split('\n')) {
      const plain = line.replace(/\s+/g, ' ').trim();
      if (plain !== '' && lines.length < MAX_LINES) lines.push(plain);
    }
  };
  if (html === '') return lines;
  scanHtml(html, {
    open(name, attributes) {
      const sorted = [...attributes].sort(([a], [b]) => (a < b ? -1 : 1));
      const written = sorted.map(
        ([key, value]) => ` ${key}="${value.replace(/\s+/g, ' ').trim().replaceAll('"', '&quot;')}"`,
      );
      add(`<${name}${written.join('')}>`);
    },
    close: (name) => add(`</${name}>`),
    text: add,
    comment: (text) => add(`<!--${text}-->`),
    declaration: (text) => add(`<${text}>`),
  });
  return lines;
}

function treeLines(node: MimeNode, depth = 0): string[] {
  const type = boundaryAlike(node.contentTypeHeader.replace(/\s+/g, ' ').trim()) || node.contentType;
  const facts = [type, node.encoding, node.disposition].filter((fact) => fact !== '').join(', ');
  return [`${'  '.repeat(depth)}${facts}`, ...node.children.flatMap((child) => treeLines(child, depth + 1))];
}

function diffParts(before: ParsedMail, after: ParsedMail): PartChange[] {
  const old = [...before.inline, ...before.attachments];
  const now = new Set([...after.inline, ...after.attachments]);
  const take = (fits: (part: MailPart) => boolean) => {
    for (const part of now) {
      if (!fits(part)) continue;
      now.delete(part);
      return part;
    }
    return null;
  };
  const isSameContent = (a: MailPart, b: MailPart) => a.checksums.sha256 === b.checksums.sha256;
  // First those that did not change, so that a file of the same name does not take their place.
  const left = old.filter(
    (part) => take((other) => isSameContent(part, other) && part.fileName === other.fileName) === null,
  );
  const changes = left.map((part): PartChange => {
    const renamed = take((other) => isSameContent(part, other));
    if (renamed !== null) return { kind: 'renamed', before: part, after: renamed };
    const changed = take((other) => part.fileName === other.fileName && part.contentType === other.contentType);
    return { kind: changed === null ? 'removed' : 'changed', before: part, after: changed };
  });
  return [...changes, ...[...now].map((part): PartChange => ({ kind: 'added', before: null, after: part }))];
}
