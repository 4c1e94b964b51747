// Who may log in besides the users of the options: each user that a namespace names, with a password that is made for
// it. Nothing is kept of a password: it is derived from the namespace and a key of the database, holds after a restart,
// and is worth nothing when the namespace is gone, also when there is another one of the same name later.
//
// A sink has this from its start, and most never need it: hashes and mechanisms are loaded with the first such user.
import type { Namespace } from '../inbox/inbox.ts';
import type { KnownUsers } from './authenticator.ts';
import type { Credentials } from './credentials.ts';
import { AUTH_REPLIES, type Authenticator, type SaslClient } from './sasl.ts';

export interface NamespaceLogin {
  readonly user: string;
  readonly password: string;
}

interface Entry {
  /** Of which namespace: another one of its name has another password. */
  readonly createdAt: number;
  readonly namespace: string;
  readonly credentials: Credentials;
  /** Milliseconds; Infinity for never. */
  readonly until: number;
}

export class NamespaceLogins implements KnownUsers {
  private readonly base: KnownUsers | null;
  private readonly loadKey: () => Promise<Buffer>;
  private key: Promise<Buffer> | null = null;
  private entries: ReadonlyMap<string, Entry> = new Map();
  private nobody: Credentials | null = null;

  /** `base`: the users of the options, who go first. */
  constructor(base: KnownUsers | null, loadKey: () => Promise<Buffer>) {
    this.base = base;
    this.loadKey = loadKey;
  }

  /** The name for a new namespace's login: its own, unless a user of the options has that. */
  nameFor(namespace: string): string {
    return this.base?.find(namespace) ? `ns.${namespace}` : namespace;
  }

  /** What its users log in with; without those who are users of the options, whose passwords are not known here. */
  async of(namespace: Pick<Namespace, 'name' | 'createdAt' | 'users'>): Promise<NamespaceLogin[]> {
    const login = async (user: string) => ({ user, password: await this.passwordOf(namespace, user) });
    return Promise.all(this.usersOf(namespace).map(login));
  }

  /** Lets in the users of these namespaces and of no others. Call it with each change. */
  async set(namespaces: readonly Namespace[]): Promise<void> {
    const entries = new Map<string, Entry>();
    const isNeeded = namespaces.some(({ users }) => users.length > 0);
    const { parseCredentials, decoy } = isNeeded ? await import('./credentials.ts') : {};
    for (const namespace of namespaces) {
      const { name, createdAt, expiresAt } = namespace;
      for (const user of this.usersOf(namespace)) {
        // Who was there first.
        if (entries.has(user)) continue;
        const old = this.entries.get(user);
        const isSame = old?.namespace === name && old.createdAt === createdAt;
        const credentials = isSame ? old.credentials : parseCredentials!(await this.passwordOf(namespace, user));
        this.nobody ??= decoy!(credentials);
        entries.set(user, { namespace: name, createdAt, credentials, until: expiresAt ?? Number.POSITIVE_INFINITY });
      }
    }
    this.entries = entries;
  }

  /** Nobody can log in, so nothing is offered. */
  get isDormant(): boolean {
    return this.base === null && this.entries.size === 0;
  }

  get isEmpty(): boolean {
    return this.entries.size === 0 && (this.base?.isEmpty ?? true);
  }

  get hasCramMd5(): boolean {
    return this.entries.size > 0 || (this.base?.hasCramMd5 ?? false);
  }

  get hasScram(): boolean {
    return this.entries.size > 0 || (this.base?.hasScram ?? false);
  }

  get decoy(): Credentials {
    const decoy = this.base?.decoy ?? this.nobody;
    if (decoy === null) throw new Error('a login where nobody can log in');
    return decoy;
  }

  find(name: string): Credentials | null {
    const known = this.base?.find(name);
    if (known) return known;
    const entry = this.entries.get(name);
    return entry && Date.now() < entry.until ? entry.credentials : null;
  }

  async refresh(): Promise<void> {
    await this.base?.refresh();
  }

  private usersOf({ users }: Pick<Namespace, 'users'>): string[] {
    return users.filter((user) => !this.base?.find(user));
  }

  private async passwordOf({ name, createdAt }: Pick<Namespace, 'name' | 'createdAt'>, user: string): Promise<string> {
    this.key ??= this.loadKey();
    const [key, { createHmac }] = await Promise.all([this.key, import('node:crypto')]);
    return createHmac('sha256', key)
      .update(JSON.stringify([name, createdAt, user]))
      .digest('hex')
      .slice(0, 32);
  }
}

/** Stands for an authenticator that is made when it is first needed; until then nothing is offered. */
export class LateAuthenticator implements Authenticator {
  private readonly logins: NamespaceLogins;
  private readonly make: () => Promise<Authenticator>;
  private made: Authenticator | null = null;

  constructor(logins: NamespaceLogins, make: () => Promise<Authenticator>) {
    this.logins = logins;
    this.make = make;
  }

  get isDormant(): boolean {
    return this.made === null || this.logins.isDormant;
  }

  /** Before somebody is told how to log in. */
  async wake(): Promise<void> {
    this.made ??= await this.make();
  }

  mechanisms(client: SaslClient): readonly string[] {
    return this.isDormant ? [] : this.made!.mechanisms(client);
  }

  begin(mechanism: string, client: SaslClient) {
    return this.isDormant ? AUTH_REPLIES.unknownMechanism : this.made!.begin(mechanism, client);
  }
}
