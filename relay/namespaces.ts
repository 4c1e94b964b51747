// The namespaces of a sink as everything here knows them: the inbox keeps them and their mail, logins let their users in,
// faults strike in them. Whoever makes or deletes one does it here, so that all three agree when the call is done.
import type { NamespaceLogin } from './auth/namespace-logins.ts';
import type { FaultRules } from './faults/fault-rules.ts';
import type { Inbox, Namespace, NewNamespace } from './inbox/inbox.ts';
import type { NamespaceAccess } from './security.ts';

export interface CreatedNamespace {
  readonly namespace: Namespace;
  /** Of each of its users but those of the options, whose passwords are their own. */
  readonly logins: readonly NamespaceLogin[];
}

export class Namespaces {
  private readonly inbox: Pick<Inbox, 'namespaces' | 'createNamespace' | 'deleteNamespace'>;
  private readonly access: NamespaceAccess;
  private readonly faults: Pick<FaultRules, 'setNamespaces'>;
  private refreshing: Promise<void> = Promise.resolve();

  constructor(
    inbox: Pick<Inbox, 'namespaces' | 'createNamespace' | 'deleteNamespace'>,
    access: NamespaceAccess,
    faults: Pick<FaultRules, 'setNamespaces'>,
  ) {
    this.inbox = inbox;
    this.access = access;
    this.faults = faults;
  }

  /** The name of the login that a namespace of this name should have among its users. */
  userFor(name: string): string {
    return this.access.nameFor(name);
  }

  /** Resolves when its users can log in. Rejects as the inbox does. */
  async create(wanted: NewNamespace): Promise<CreatedNamespace> {
    const namespace = await this.inbox.createNamespace(wanted);
    await this.refresh();
    return { namespace, logins: await this.access.loginsOf(namespace) };
  }

  /** What its users log in with, for one that was made before. */
  loginsOf(namespace: Namespace): Promise<readonly NamespaceLogin[]> {
    return this.access.loginsOf(namespace);
  }

  /** With its mail, its logins and its faults. False when there is none. */
  async delete(name: string): Promise<boolean> {
    const isDeleted = await this.inbox.deleteNamespace(name);
    await this.refresh();
    return isDeleted;
  }

  /** Takes over what the inbox has now. One after the other: an older answer must not come last. */
  refresh(): Promise<void> {
    const next = this.refreshing.then(async () => {
      const all = await this.inbox.namespaces();
      this.faults.setNamespaces(all);
      await this.access.set(all);
    });
    this.refreshing = next.catch(() => {});
    return next;
  }
}
