// A sink and its namespaces, over a back end.
import type { NamespaceAsk, NamespaceData, SinkBackend } from './backend.ts';
import { Scope } from './scope.ts';
import type { Namespace, Sink } from './sink.ts';

export class OpenedSink extends Scope implements Sink {
  readonly #timeout: number;

  constructor(backend: SinkBackend, timeout: number) {
    super(backend, timeout);
    this.#timeout = timeout;
  }

  get http(): string | null {
    return this.backend.http;
  }

  async namespace(name?: string, options: Omit<NamespaceAsk, 'name'> = {}): Promise<Namespace> {
    const data = await this.backend.createNamespace({ ...options, ...(name === undefined ? {} : { name }) });
    return new OpenedNamespace(this.backend, this.#timeout, data);
  }

  close(): Promise<void> {
    return this.backend.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class OpenedNamespace extends Scope implements Namespace {
  readonly name: string;
  readonly user: string;
  readonly pass: string;
  readonly #addressPattern: string;

  constructor(backend: SinkBackend, timeout: number, { name, user, password, addressPattern }: NamespaceData) {
    super(backend, timeout, name, { user, pass: password });
    this.name = name;
    this.user = user;
    this.pass = password;
    this.#addressPattern = addressPattern;
  }

  address(localPart = 'user'): string {
    // Both stars of `*+name@*`: the second one may be any domain.
    return this.#addressPattern.replace('*', localPart).replace(/@\*$/, '@example.com');
  }

  delete(): Promise<void> {
    return this.backend.deleteNamespace(this.name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.delete();
  }
}
