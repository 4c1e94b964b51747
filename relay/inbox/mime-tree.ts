// The MIME tree of a mail (RFC 2045, 2046) as ranges of its bytes: nothing is copied or decoded. One pass over the bytes,
// whatever the nesting; depth and number of parts are bounded, and what lies beyond is left in the part that holds it.
// postal-mime keeps neither the tree nor the bytes, and parts need a name by which they can be asked for.
import {
  type HeaderBlock,
  lineEnd,
  parseStructured,
  type RawField,
  readHeader,
  withoutComments,
} from './mime-header.ts';

export const MAX_DEPTH = 100;
export const MAX_PARTS = 10_000;
const ROOT_LIMITS = { fields: 20_000, bytes: 4 * 1024 * 1024 };
const PART_LIMITS = { fields: 500, bytes: 256 * 1024 };
/** A boundary has at most 70 characters (RFC 2046 5.1.1); mailers that do not know get some more. */
const MAX_DELIMITER = 1000;
const DELIMITER = Buffer.from('\n--');

/** A mail or a part of it. */
export interface MimeEntity {
  /** `0` for a root that has parts; else the place in the tree, `1`, `2.1`. */
  partId: string;
  readonly fields: readonly RawField[];
  readonly header: HeaderBlock;
  /** In lower case, without parameters; what the default is where none is declared or readable (RFC 2045 5.2). */
  readonly type: string;
  readonly typeHeader: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** In lower case; '' when none is declared. */
  readonly encoding: string;
  /** In lower case; ''. */
  readonly disposition: string;
  /** As declared; ''. */
  readonly fileName: string;
  /** Without the angle brackets; ''. */
  readonly contentId: string;
  readonly parent: MimeEntity | null;
  readonly depth: number;
  readonly children: MimeEntity[];
  readonly bodyStart: number;
  bodyEnd: number;
  /** Of a multipart: whether its last delimiter came. */
  isClosed: boolean;
  /** Of a multipart: its parts are not looked for, since it stands too deep or has too many around it. */
  isSealed: boolean;
}

export function readTree(bytes: Buffer): MimeEntity {
  return new TreeReader(bytes).read();
}

/** Every entity, each before its parts. */
export function* entitiesOf(root: MimeEntity): Generator<MimeEntity> {
  const waiting = [root];
  for (let entity = waiting.pop(); entity !== undefined; entity = waiting.pop()) {
    yield entity;
    for (let i = entity.children.length - 1; i >= 0; i--) waiting.push(entity.children[i]!);
  }
}

export function isMultipart(entity: MimeEntity): boolean {
  return entity.type.startsWith('multipart/');
}

class TreeReader {
  private readonly bytes: Buffer;
  /** From the root to what is being read. */
  private readonly path: MimeEntity[] = [];
  /** Boundaries of the path, and the places in it where they are open. */
  private readonly boundaries = new Map<string, number[]>();
  private count = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  read(): MimeEntity {
    const root = this.begin(0, null);
    let at = root.bodyStart;
    while (this.boundaries.size > 0) {
      // A body's first line can be a delimiter: the line end before it is that of the header.
      const found = this.bytes.indexOf(DELIMITER, Math.max(0, at - 1));
      if (found === -1) break;
      const start = found + 1;
      const end = lineEnd(this.bytes, start);
      const known = this.delimiter(start, end);
      at = start + 2;
      if (known === null) continue;
      this.leave(known.place, start);
      const multipart = this.path[known.place]!;
      at = end;
      if (known.isLast) {
        multipart.isClosed = true;
        this.forget(known.place);
      } else if (this.count >= MAX_PARTS) {
        multipart.isSealed = true;
        break;
      } else {
        at = this.begin(end, multipart).bodyStart;
      }
    }
    this.leave(-1, this.bytes.length + 1);
    return number(root);
  }

  private begin(from: number, parent: MimeEntity | null): MimeEntity {
    const header = readHeader(
      this.bytes,
      from,
      parent === null ? ROOT_LIMITS : PART_LIMITS,
      (start, end) => this.delimiter(start, end) !== null,
    );
    const entity = makeEntity(header, parent);
    parent?.children.push(entity);
    const place = this.path.push(entity) - 1;
    this.count++;
    const key = boundaryOf(entity);
    if (key === undefined) return entity;
    if (entity.depth >= MAX_DEPTH) entity.isSealed = true;
    else this.boundaries.set(key, [...(this.boundaries.get(key) ?? []), place]);
    return entity;
  }

  /** Which multipart of the path a line belongs to: the innermost that has its boundary. */
  private delimiter(start: number, end: number): { readonly place: number; readonly isLast: boolean } | null {
    if (this.boundaries.size === 0 || end - start > MAX_DELIMITER) return null;
    const text = this.bytes.toString('latin1', start + 2, end).trimEnd();
    const open = this.boundaries.get(text)?.at(-1);
    const last = text.endsWith('--') ? this.boundaries.get(text.slice(0, -2))?.at(-1) : undefined;
    if (open !== undefined && (last === undefined || open > last)) return { place: open, isLast: false };
    return last === undefined ? null : { place: last, isLast: true };
  }

  /** Ends everything that stands deeper than `place`, before a delimiter at `at`: its line end belongs to it. */
  private leave(place: number, at: number): void {
    let end = at - 1;
    if (this.bytes[end - 1] === 13 && at <= this.bytes.length) end--;
    while (this.path.length - 1 > place) {
      const entity = this.path.at(-1)!;
      entity.bodyEnd = Math.max(entity.bodyStart, end);
      this.forget(this.path.length - 1);
      this.path.pop();
    }
  }

  private forget(place: number): void {
    const key = boundaryOf(this.path[place]!);
    const places = key === undefined ? undefined : this.boundaries.get(key);
    if (key === undefined || places?.at(-1) !== place) return;
    if (places.length === 1) this.boundaries.delete(key);
    else places.pop();
  }
}

/** As the bytes of a delimiter line read in Latin-1; undefined for what has none. */
function boundaryOf(entity: MimeEntity): string | undefined {
  if (!isMultipart(entity)) return undefined;
  const boundary = Buffer.from(entity.parameters.get('boundary') ?? '')
    .toString('latin1')
    .trimEnd();
  return boundary === '' ? undefined : boundary;
}

function makeEntity(header: HeaderBlock, parent: MimeEntity | null): MimeEntity {
  // The first of several counts, as everywhere: otherwise one mail could show two faces.
  const field = (name: string) => header.fields.find((each) => each.name.toLowerCase() === name)?.raw ?? '';
  const typeHeader = field('content-type');
  const type = parseStructured(typeHeader);
  const disposition = parseStructured(field('content-disposition'));
  const usual = parent?.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
  return {
    partId: '',
    fields: header.fields,
    header,
    type: /^[^\s/]+\/[^\s/]+$/.test(type.value) ? type.value : usual,
    typeHeader,
    parameters: type.parameters,
    encoding: /[\w-]+/.exec(withoutComments(field('content-transfer-encoding')))?.[0].toLowerCase() ?? '',
    disposition: disposition.value,
    fileName: disposition.parameters.get('filename') ?? type.parameters.get('name') ?? '',
    contentId: field('content-id').replace(/^[\s<]+|[\s>]+$/g, ''),
    parent,
    depth: parent === null ? 0 : parent.depth + 1,
    children: [],
    bodyStart: header.bodyStart,
    bodyEnd: header.bodyStart,
    isClosed: false,
    isSealed: false,
  };
}

/** Gives each entity its number. */
function number(root: MimeEntity): MimeEntity {
  root.partId = root.children.length > 0 ? '0' : '1';
  for (const entity of entitiesOf(root)) {
    const prefix = entity === root ? '' : `${entity.partId}.`;
    for (const [i, child] of entity.children.entries()) child.partId = `${prefix}${i + 1}`;
  }
  return root;
}
