// Where the inbox's thread finds a mail's bytes: in the database, over its own connection, and in the files beside it.
import type { Database, Query } from '../../store/sqlite-database.ts';
import { ContentFiles, FIRST_IN_FILE } from '../../store/sqlite-files.ts';
import type { ServeOptions } from '../../store/sqlite-protocol.ts';

export class MailSource {
  readonly #content: Query<[number, number, Uint8Array]>;
  readonly #piece: Query<[Uint8Array]>;
  readonly #id: Query<[string]>;
  readonly #files: ContentFiles;

  constructor(db: Database, place: ServeOptions) {
    this.#id = db.query('SELECT id FROM message WHERE seq = ?');
    this.#content = db.query('SELECT size, pieces, tail FROM message WHERE seq = ?');
    this.#piece = db.query('SELECT bytes FROM piece WHERE id = ? AND n = ?');
    this.#files = new ContentFiles(db, place);
  }

  /** The mail, or of a longer one its beginning; undefined when it is gone, or was removed while it was read. */
  read(seq: number, limit: number): Buffer | undefined {
    const row = this.#content.first(seq);
    if (!row) return undefined;
    const [size, pieces, tail] = row;
    if (pieces === 0) return asBuffer(tail).subarray(0, limit);
    const id = this.#id.first(seq)?.[0];
    if (id === undefined) return undefined;
    const bytes = Buffer.allocUnsafeSlow(Math.min(size, limit));
    let filled = 0;
    for (let n = 0; n < pieces && filled < bytes.length; n++) {
      const piece = this.#piece.first(id, n)?.[0] ?? (n < FIRST_IN_FILE ? null : this.#files.read(id, n));
      if (!piece) return undefined;
      filled += asBuffer(piece).copy(bytes, filled);
    }
    filled += asBuffer(tail).copy(bytes, filled);
    return filled === bytes.length ? bytes : undefined;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
