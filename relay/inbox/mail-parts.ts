// What the leaves of a MIME tree are for the reader: text, HTML, or something beside them.
import { createHash } from 'node:crypto';
import { decodeText, decodeTransfer } from './mime-body.ts';
import { entitiesOf, isMultipart, type MimeEntity } from './mime-tree.ts';
import type { Checksums, MailPart } from './parsed-mail.ts';

const MAX_FILE_NAME = 200;

/** Extensions for the types that mail carries; others are made of the type itself. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/msword': 'doc',
  'application/ms-tnef': 'dat',
  'application/vnd.ms-tnef': 'dat',
  'application/octet-stream': 'bin',
  'application/pgp-encrypted': 'asc',
  'application/pgp-keys': 'asc',
  'application/pgp-signature': 'asc',
  'application/pkcs7-mime': 'p7m',
  'application/pkcs7-signature': 'p7s',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/x-pkcs7-mime': 'p7m',
  'application/x-pkcs7-signature': 'p7s',
  'audio/mpeg': 'mp3',
  'image/jpeg': 'jpg',
  'image/svg+xml': 'svg',
  'image/tiff': 'tif',
  'message/delivery-status': 'txt',
  'message/disposition-notification': 'txt',
  'message/feedback-report': 'txt',
  'message/global': 'eml',
  'message/rfc822': 'eml',
  'text/calendar': 'ics',
  'text/plain': 'txt',
  'text/rfc822-headers': 'txt',
  'text/vcard': 'vcf',
  'text/x-vcard': 'vcf',
};

export interface SortedParts {
  readonly text: string;
  readonly html: string;
  readonly inline: readonly MailPart[];
  readonly attachments: readonly MailPart[];
}

/** Reads every leaf once. Texts of one kind that stand beside each other are put together. */
export function sortParts(bytes: Buffer, root: MimeEntity): SortedParts {
  const texts: string[] = [];
  const htmls: string[] = [];
  const others: MimeEntity[] = [];
  for (const entity of entitiesOf(root)) {
    if (entity.children.length > 0) continue;
    const use = useOf(entity);
    if (use === 'part') others.push(entity);
    else if (use !== 'none') {
      const text = decodeText(contentOf(bytes, entity), entity.parameters.get('charset') ?? '');
      if (text !== '') (use === 'html' ? htmls : texts).push(text);
    }
  }
  const html = htmls.join('\n');
  const shown = shownContentIds(html);
  const parts = others.map((entity) => partOf(bytes, entity, shown));
  return {
    text: texts.join('\n'),
    html,
    inline: parts.filter(({ disposition }) => disposition === 'inline'),
    attachments: parts.filter(({ disposition }) => disposition === 'attachment'),
  };
}

export function contentOf(bytes: Buffer, entity: MimeEntity): Buffer {
  return decodeTransfer(bytes.subarray(entity.bodyStart, entity.bodyEnd), entity.encoding);
}

/** The type of what a leaf holds: a multipart in which no delimiter stands is text (RFC 2045 5.2). */
export function leafType(entity: MimeEntity): string {
  return isMultipart(entity) && !entity.isSealed ? 'text/plain' : entity.type;
}

export function checksumsOf(content: Uint8Array): Checksums {
  const sum = (algorithm: string) => createHash(algorithm).update(content).digest('hex');
  return { md5: sum('md5'), sha1: sum('sha1'), sha256: sum('sha256') };
}

/** The last piece of a path, since some mailers send whole ones, without what no file name has in it. */
export function fileNameOf(entity: MimeEntity): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken away
  const declared = entity.fileName.replace(/[\u0000-\u001f\u007f\u2028\u2029\u202a-\u202e]+/g, ' ');
  const name = declared.slice(Math.max(declared.lastIndexOf('/'), declared.lastIndexOf('\\')) + 1).trim();
  if (name !== '' && name !== '.' && name !== '..') return shorten(name);
  const type = leafType(entity);
  if (/tnef$/.test(type)) return 'winmail.dat';
  const subtype = type.slice(type.indexOf('/') + 1).replace(/^x-/, '');
  const extension = Object.hasOwn(EXTENSIONS, type)
    ? EXTENSIONS[type]
    : /^[a-z0-9]{1,5}$/.test(subtype)
      ? subtype
      : 'bin';
  return shorten(`part-${entity.partId}.${extension}`);
}

/** Keeps the end, which tells the type. */
function shorten(name: string): string {
  return name.length <= MAX_FILE_NAME ? name : `${name.slice(0, MAX_FILE_NAME - 20)}${name.slice(-20)}`;
}

function useOf(entity: MimeEntity): 'text' | 'html' | 'part' | 'none' {
  const type = leafType(entity);
  const inAlternative = entity.parent?.type === 'multipart/alternative';
  if (entity.disposition === 'attachment') return 'part';
  if (type === 'text/plain' || type === 'text/html') {
    // What a multipart/related is about is its first part (RFC 2387 3.2); some mailers give it a name.
    const isRoot =
      entity.parent === null || (entity.parent.type === 'multipart/related' && entity.parent.children[0] === entity);
    const isBody = entity.fileName === '' || isRoot || inAlternative;
    return isBody ? (type === 'text/html' ? 'html' : 'text') : 'part';
  }
  // A third way to say the same (AMP, enriched text) is nothing that was attached; an invitation is.
  const isVariant = inAlternative && type.startsWith('text/') && type !== 'text/calendar';
  return isVariant && entity.fileName === '' && entity.disposition === '' ? 'none' : 'part';
}

function partOf(bytes: Buffer, entity: MimeEntity, shown: ReadonlySet<string>): MailPart {
  const content = contentOf(bytes, entity);
  const isInline = entity.disposition === 'inline' || (entity.contentId !== '' && shown.has(entity.contentId));
  return {
    partId: entity.partId,
    fileName: fileNameOf(entity),
    contentType: leafType(entity),
    contentId: entity.contentId,
    disposition: isInline ? 'inline' : 'attachment',
    size: content.length,
    checksums: checksumsOf(content),
  };
}

/** RFC 2392: what the HTML shows by `cid:`. */
export function shownContentIds(html: string): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const [, id] of html.matchAll(/\bcid:([^"'\s<>()\\]{1,998})/gi)) {
    ids.add(id!);
    try {
      ids.add(decodeURIComponent(id!));
    } catch {
      // A percent sign that is none of an encoding: the identifier is meant as it stands.
    }
  }
  return ids;
}
