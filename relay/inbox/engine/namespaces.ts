// The parts of the inbox that tests and projects own: made, listed, asked whose a mail is, and removed with their mail,
// by a call or when their time is over.
import { ChatError } from '../../../src/errors.ts';
import type { Database, Query } from '../../store/sqlite-database.ts';
import type { DatabaseLink } from '../../store/sqlite-link.ts';
import type { Namespace, NewNamespace } from '../inbox.ts';
import type { HeaderField } from '../parsed-mail.ts';
import type { StoredMail } from './mail-row.ts';
import { checkNamespace, type Owner, ownerFrom } from './membership.ts';

const MAX_NAMESPACES = 10_000;
/** The longest wait between two looks at the clock, which may be set. */
const LOOK_MS = 60_000;

export type OwnerOf = (mail: StoredMail, headers: readonly HeaderField[]) => string;

/** name, created_at, expires_at, members */
type Columns = [string, number, number | null, string];

export class Namespaces {
  readonly #store: DatabaseLink;
  readonly #all: Query<Columns>;
  readonly #nextEnd: Query<[number | null]>;
  readonly #ended: Query<[string]>;
  readonly #orphaned: Query<[string]>;
  readonly #removeMail: (namespace: string) => Promise<unknown>;
  readonly #failed: (error: unknown) => void;
  #owners: readonly (Owner & { readonly expiresAt: number | null })[] = [];
  #ownersText = '[]';
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(
    db: Database,
    store: DatabaseLink,
    removeMail: (namespace: string) => Promise<unknown>,
    failed: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#removeMail = removeMail;
    this.#failed = failed;
    this.#all = db.query('SELECT name, created_at, expires_at, members FROM namespace ORDER BY n');
    this.#nextEnd = db.query('SELECT min(expires_at) FROM namespace');
    this.#ended = db.query('SELECT name FROM namespace WHERE expires_at <= ?');
    // What a removal that was broken off has left.
    this.#orphaned = db.query(
      `SELECT namespace FROM inbox_count WHERE namespace > '' AND namespace NOT IN (SELECT name FROM namespace)`,
    );
  }

  list(): Namespace[] {
    return this.#all.all().map(namespaceFrom);
  }

  /** By those that there are now: the first that wants a mail; '' when none does. */
  owners(): OwnerOf {
    const rows = this.#all.all();
    const text = JSON.stringify(rows);
    if (text !== this.#ownersText) {
      this.#owners = rows.map(namespaceFrom).map((one) => ({ ...ownerFrom(one), expiresAt: one.expiresAt }));
      this.#ownersText = text;
    }
    const now = Date.now();
    const owners = this.#owners.filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
    return (mail, headers) => owners.find((one) => one.owns(mail, headers))?.name ?? '';
  }

  /** Rejects with BAD_NAMESPACE or NAMESPACE_EXISTS. */
  async create(wanted: NewNamespace): Promise<Namespace> {
    checkNamespace(wanted);
    if (this.#all.all().length >= MAX_NAMESPACES) {
      throw new ChatError('BAD_NAMESPACE', `there are ${MAX_NAMESPACES} namespaces; delete some first`);
    }
    const { name, expiresAt, recipients, users, ports, headers } = wanted;
    const createdAt = Date.now();
    const members = JSON.stringify({ recipients, users, ports, headers });
    if (!(await this.#store.call('namespaceAdd', { name, createdAt, expiresAt, members }))) {
      throw new ChatError('NAMESPACE_EXISTS', `there is a namespace ${name}; choose another name, or delete it`, {
        name,
      });
    }
    this.#lookLater();
    return { name, createdAt, expiresAt, recipients, users, ports, headers };
  }

  async remove(name: string): Promise<boolean> {
    // First the name, so that no mail joins it any more.
    const isRemoved = await this.#store.call('namespaceRemove', name);
    if (isRemoved) await this.#removeMail(name);
    return isRemoved;
  }

  /** Removes what is over, now and whenever it is time. */
  async expire(): Promise<void> {
    if (this.#isStopped) return;
    try {
      for (const [name] of this.#ended.all(Date.now())) await this.remove(name);
      for (const [name] of this.#orphaned.all()) await this.#removeMail(name);
    } catch (error) {
      if (!this.#isStopped) this.#failed(error);
    }
    this.#lookLater();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #lookLater(): void {
    if (this.#timer) clearTimeout(this.#timer);
    const end = this.#nextEnd.first()?.[0] ?? null;
    if (end === null || this.#isStopped) return;
    const ms = Math.min(LOOK_MS, Math.max(1, end - Date.now()));
    this.#timer = setTimeout(() => void this.expire(), ms);
    this.#timer.unref();
  }
}

function namespaceFrom([name, createdAt, expiresAt, members]: Columns): Namespace {
  return {
    name,
    createdAt,
    expiresAt,
    ...(JSON.parse(members) as Omit<Namespace, 'name' | 'createdAt' | 'expiresAt'>),
  };
}
