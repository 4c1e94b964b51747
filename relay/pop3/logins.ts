// Who may log in to POP3 besides the users of the options: those of the namespaces, with the passwords that SMTP knows them
// by. Asked anew at each login, which are few: a namespace may be a second old.
import type { KnownUsers } from '../auth/authenticator.ts';
import { type Credentials, decoy, parseCredentials } from '../auth/credentials.ts';
import type { Inbox, Namespace } from '../inbox/inbox.ts';
import type { NamespaceAccess } from '../security.ts';

export class Pop3Logins implements KnownUsers {
  private readonly base: KnownUsers;
  private readonly inbox: Inbox;
  private readonly access: Pick<NamespaceAccess, 'loginsOf'>;
  private entries: ReadonlyMap<string, { readonly of: string; readonly credentials: Credentials }> = new Map();
  private reading: Promise<void> | null = null;
  /** Where there is nobody else to take the work of a check from. */
  private readonly nobody = decoy(parseCredentials('nobody'));

  constructor(base: KnownUsers, inbox: Inbox, access: Pick<NamespaceAccess, 'loginsOf'>) {
    this.base = base;
    this.inbox = inbox;
    this.access = access;
  }

  get isEmpty(): boolean {
    return this.base.isEmpty && this.entries.size === 0;
  }

  get hasCramMd5(): boolean {
    return this.base.hasCramMd5 || this.entries.size > 0;
  }

  get hasScram(): boolean {
    return this.base.hasScram || this.entries.size > 0;
  }

  get decoy(): Credentials {
    return this.base.isEmpty ? this.nobody : this.base.decoy;
  }

  find(name: string): Credentials | null {
    return this.base.find(name) ?? this.entries.get(name)?.credentials ?? null;
  }

  async refresh(): Promise<void> {
    this.reading ??= this.read().finally(() => {
      this.reading = null;
    });
    await Promise.all([this.base.refresh(), this.reading]);
  }

  /** When the inbox cannot be asked, the login fails a moment later, and says why. */
  private async read(): Promise<void> {
    const namespaces = await this.inbox.namespaces().catch(() => null);
    if (namespaces === null) return;
    const entries = new Map<string, { of: string; credentials: Credentials }>();
    for (const namespace of namespaces) {
      const of = keyOf(namespace);
      for (const { user, password } of await this.access.loginsOf(namespace).catch(() => [])) {
        const old = this.entries.get(user);
        // The same object as before: what was remembered of it stays good.
        if (!entries.has(user))
          entries.set(user, old?.of === of ? old : { of, credentials: parseCredentials(password) });
      }
    }
    this.entries = entries;
  }
}

/** Another namespace of the same name has other passwords. */
function keyOf({ name, createdAt }: Namespace): string {
  return `${createdAt} ${name}`;
}
