// Lint of a mail's MIME structure and of what its parts hold (RFC 2045, 2046).
import { isAscii, isUtf8 } from 'node:buffer';
import { contentOf, leafType, shownContentIds } from '../mail-parts.ts';
import { decodeText } from '../mime-body.ts';
import { entitiesOf, isMultipart, type MimeEntity } from '../mime-tree.ts';
import type { LintContext } from './lint.ts';
import { lineAt, show } from './lint-header.ts';

const IDENTITY = ['', '7bit', '8bit', 'binary'];
const ENCODINGS = [...IDENTITY, 'base64', 'quoted-printable'];
/** Gmail shows no more of it. */
const CLIPPED_HTML = 102 * 1024;

export function lintParts(context: LintContext): void {
  const { root } = context;
  const contentIds = new Set<string>();
  const htmls: { readonly part: MimeEntity; readonly html: string }[] = [];
  for (const entity of entitiesOf(root)) {
    if (isMultipart(entity)) lintMultipart(context, entity);
    else lintType(context, entity);
    if (entity.contentId !== '') contentIds.add(entity.contentId);
    if (entity.children.length > 0) continue;
    const html = lintLeaf(context, entity);
    if (html !== null) htmls.push({ part: entity, html });
  }
  lintHtml(context, htmls, contentIds);
}

function lintMultipart({ bytes, report }: LintContext, entity: MimeEntity): void {
  const where = placeOf(entity);
  const boundary = entity.parameters.get('boundary') ?? '';
  if (boundary === '') {
    report('error', 'no-boundary', where, 'RFC 2046 5.1', `${entity.type} has no boundary, so it has no parts`);
    return;
  }
  if (boundary.length > 70 || / $/.test(boundary) || !/^[\w'()+,./:=? -]+$/.test(boundary))
    report(
      'warning',
      'bad-boundary',
      where,
      'RFC 2046 5.1.1',
      `the boundary has more than 70 characters or some that are not allowed: ${show(boundary)}`,
    );
  if (entity.isSealed)
    report(
      'warning',
      'too-deep',
      where,
      'RFC 2046 5.1',
      'it stands too deep or has too many parts: they are not looked at',
    );
  else if (entity.children.length === 0)
    report('error', 'no-parts', where, 'RFC 2046 5.1.1', `${entity.type} has no parts: its boundary never comes`);
  else if (!entity.isClosed)
    report(
      'error',
      'unterminated',
      () => lineAt(bytes, entity.bodyEnd),
      'RFC 2046 5.1.1',
      `${entity.type} (${where}) has no closing delimiter`,
    );
  if (!IDENTITY.includes(entity.encoding))
    report(
      'error',
      'encoded-multipart',
      where,
      'RFC 2045 6.4',
      `a multipart must not be encoded in ${entity.encoding}`,
    );
  if (entity.type === 'multipart/alternative') {
    const types = entity.children.map(({ type }) => type);
    if (
      types.includes('text/plain') &&
      types.indexOf('text/plain') > types.indexOf('text/html') &&
      types.includes('text/html')
    )
      report(
        'warning',
        'alternative-order',
        where,
        'RFC 2046 5.1.4',
        'text/plain must stand before text/html: readers show the last one they know',
      );
  }
}

function lintType({ report }: LintContext, { typeHeader, ...entity }: MimeEntity): void {
  if (typeHeader !== '' && !/^\s*[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(?:[;(]|$)/.test(typeHeader))
    report('error', 'bad-content-type', placeOf(entity), 'RFC 2045 5.1', `Content-Type is none: ${show(typeHeader)}`);
}

/** Gives the HTML of an HTML part. */
function lintLeaf({ bytes, report }: LintContext, entity: MimeEntity): string | null {
  const where = placeOf(entity);
  const { encoding } = entity;
  const body = bytes.subarray(entity.bodyStart, entity.bodyEnd);
  const is8bit = !isAscii(body);
  if (!ENCODINGS.includes(encoding))
    report(
      'error',
      'unknown-encoding',
      where,
      'RFC 2045 6.4',
      `Content-Transfer-Encoding ${show(encoding)} is unknown`,
    );
  if (is8bit && encoding !== '8bit' && encoding !== 'binary')
    report(
      'error',
      'undeclared-8bit',
      where,
      'RFC 2045 6.2',
      `it holds 8-bit characters, but Content-Transfer-Encoding is ${encoding || '7bit (none given)'}`,
    );
  if (encoding === 'base64') lintBase64(report, where, body);
  if (encoding === 'quoted-printable') lintQuotedPrintable(report, where, body);
  if (/tnef$/.test(entity.type))
    report('warning', 'winmail', where, '', 'winmail.dat: only Outlook can read what is in it');
  const type = leafType(entity);
  if (!type.startsWith('text/') || entity.disposition === 'attachment') return null;
  const content = contentOf(bytes, entity);
  const charset = (entity.parameters.get('charset') ?? '').toLowerCase();
  if (charset === '' || charset === 'us-ascii') {
    if (!isAscii(content))
      report(
        'error',
        'undeclared-charset',
        where,
        'RFC 2045 5.2',
        'it holds more than ASCII, and no charset says what',
      );
  } else if (/^utf-?8$/.test(charset)) {
    if (!isUtf8(content)) report('error', 'bad-utf8', where, 'RFC 3629', 'it is declared as UTF-8 and is none');
  } else if (!isKnownCharset(charset)) {
    report(
      'warning',
      'unknown-charset',
      where,
      'RFC 2046 4.1.2',
      `the charset ${show(charset)} is unknown to browsers`,
    );
  }
  return type === 'text/html' ? decodeText(content, charset) : null;
}

function lintBase64(report: LintContext['report'], where: string, body: Buffer): void {
  const text = body.toString('latin1').replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    report('error', 'bad-base64', where, 'RFC 2045 6.8', 'its base64 has other characters in it or is cut');
}

function lintQuotedPrintable(report: LintContext['report'], where: string, body: Buffer): void {
  const text = body.toString('latin1');
  if (/=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n|[ \t]*$)/.test(text))
    report(
      'error',
      'bad-quoted-printable',
      where,
      'RFC 2045 6.7',
      'an equals sign stands there that begins no encoded byte',
    );
  if (/[^\n]{78,}/.test(text.replaceAll('\r\n', '\n')) || /[^\n]{77}\n/.test(text.replaceAll('\r\n', '\n')))
    report(
      'warning',
      'long-quoted-printable',
      where,
      'RFC 2045 6.7',
      'a line of its quoted-printable has more than 76 characters',
    );
}

function lintHtml(
  { root, report }: LintContext,
  htmls: readonly { readonly part: MimeEntity; readonly html: string }[],
  contentIds: ReadonlySet<string>,
): void {
  const [first] = htmls;
  if (first === undefined) return;
  const where = placeOf(first.part);
  const hasText = [...entitiesOf(root)].some(
    (entity) =>
      entity.children.length === 0 && leafType(entity) === 'text/plain' && entity.disposition !== 'attachment',
  );
  if (!hasText)
    report(
      'warning',
      'no-text',
      where,
      'RFC 2046 5.1.4',
      'there is HTML and no text/plain beside it: filters and some readers want one',
    );
  for (const { part, html } of htmls) {
    if (Buffer.byteLength(html) > CLIPPED_HTML)
      report(
        'warning',
        'large-html',
        placeOf(part),
        '',
        `the HTML has ${Math.round(Buffer.byteLength(html) / 1024)} kB; Gmail cuts it at 102`,
      );
    for (const id of shownContentIds(html)) {
      if (!contentIds.has(id))
        report(
          'error',
          'missing-cid',
          placeOf(part),
          'RFC 2392',
          `the HTML shows cid:${id.slice(0, 80)}, and no part has that Content-ID`,
        );
    }
  }
}

function isKnownCharset(charset: string): boolean {
  try {
    new TextDecoder(charset);
    return true;
  } catch {
    return false;
  }
}

function placeOf({ partId }: { readonly partId: string }): string {
  return partId === '0' ? 'mail' : `part ${partId}`;
}
