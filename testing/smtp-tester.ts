// `lonedot/testing/smtp-tester`: the interface of the package smtp-tester over a sink, so that a suite that uses it goes on
// with another import.
//
//   import { init } from 'lonedot/testing/smtp-tester';
//   const mailServer = init(4025);
//   const { email } = await mailServer.captureOne('bob@example.com', { wait: 1000 });
//
// Two things differ: it listens on loopback only, and a handler is called just after the client has its 250, not before.

import type { Sink } from './sink/sink.ts';
import { startSink } from './sink/start.ts';
import { type EmailInfo, emailOf } from './smtp-tester/email.ts';

export type { EmailAttachment, EmailHeader, EmailInfo } from './smtp-tester/email.ts';

export type Handler = (recipient: string, id: number, email: EmailInfo) => void;
/** Of all mail: its recipient is null. */
export type CatchAllHandler = (recipient: null, id: number, email: EmailInfo) => void;

export interface CaptureOptions {
  /** Milliseconds until it is given up. Default: 0, never. */
  readonly wait?: number;
  /** Whether the mail is removed then, so that the next capture gets the next one. Default: true. */
  readonly deleteAfterCapture?: boolean;
}

export interface Captured {
  readonly address: string;
  readonly id: number;
  readonly email: EmailInfo;
}

export interface MailServer {
  /** Resolves with the port when it listens; nobody has to wait for it. Rejects with ChatError LISTEN_FAILED. */
  readonly ready: Promise<number>;
  /** Calls back for each mail to this address, those that came before first. */
  bind(recipient: string, handler: Handler): void;
  bind(handler: CatchAllHandler): void;
  unbind(recipient: string, handler: Handler): void;
  unbind(handler: CatchAllHandler): void;
  /** The next mail to this address; or one that came already and was not removed. */
  captureOne(recipient: string, options?: CaptureOptions): Promise<Captured>;
  remove(id: number): void;
  removeAll(): void;
  /** Calls back, and resolves, when nobody listens any more. */
  stop(callback?: () => void): Promise<void>;
  /** `logAll` prints each mail. False for a module that there is not. */
  module(name: string): boolean;
  unmodule(name: string): void;
}

interface Binding {
  /** Null for all. */
  readonly recipient: string | null;
  readonly call: (recipient: string | null, id: number, email: EmailInfo) => void;
}

interface Kept {
  readonly email: EmailInfo;
  /** Of the sink. */
  remove(): void;
}

/** Listens on 127.0.0.1 and ::1; port 0 takes a free one, on 127.0.0.1 only. */
export function init(port: number): MailServer {
  return new Server(port);
}

const logAll = (_: unknown, id: number, { data }: EmailInfo): void => console.log(`mail ${id}\n${data}\n`);

class Server implements MailServer {
  readonly ready: Promise<number>;
  readonly #sink: Promise<Sink>;
  readonly #stopping = new AbortController();
  readonly #mails = new Map<number, Kept>();
  #bindings: readonly Binding[] = [];
  #count = 0;

  constructor(port: number) {
    this.#sink = listen(port);
    this.ready = this.#sink.then((sink) => sink.port);
    // The package crashes here, too: a suite whose server cannot listen has no use for its tests.
    this.#sink.then((sink) => this.#follow(sink)).catch(toRunner);
    this.ready.catch(() => {});
  }

  bind(recipient: string | CatchAllHandler, handler?: Handler): void {
    const binding = bindingOf(recipient, handler);
    this.#bindings = [...this.#bindings, binding];
    for (const [id, { email }] of [...this.#mails]) this.#tell(binding, id, email);
  }

  unbind(recipient: string | CatchAllHandler, handler?: Handler): void {
    const gone = bindingOf(recipient, handler);
    this.#bindings = this.#bindings.filter((one) => one.recipient !== gone.recipient || one.call !== gone.call);
  }

  captureOne(recipient: string, { wait = 0, deleteAfterCapture = true }: CaptureOptions = {}): Promise<Captured> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let isDone = false;
      const handler: Handler = (address, id, email) => {
        // Mail that came before is told one by one, also when the first was enough.
        if (isDone) return;
        isDone = true;
        clearTimeout(timer);
        this.unbind(recipient, handler);
        if (deleteAfterCapture) this.remove(id);
        resolve({ address, id, email });
      };
      this.bind(recipient, handler);
      if (isDone) return this.unbind(recipient, handler);
      if (wait <= 0) return;
      timer = setTimeout(() => {
        this.unbind(recipient, handler);
        reject(new Error(`No message delivered to ${recipient}`));
      }, wait);
    });
  }

  remove(id: number): void {
    this.#mails.get(id)?.remove();
    this.#mails.delete(id);
  }

  removeAll(): void {
    for (const id of [...this.#mails.keys()]) this.remove(id);
  }

  async stop(callback?: () => void): Promise<void> {
    this.#stopping.abort();
    // One that never listened has said so.
    const sink = await this.#sink.catch(() => null);
    await sink?.close();
    callback?.();
  }

  module(name: string): boolean {
    if (name !== 'logAll') return false;
    this.bind(logAll);
    return true;
  }

  unmodule(name: string): void {
    if (name === 'logAll') this.unbind(logAll);
  }

  async #follow(sink: Sink): Promise<void> {
    const { signal } = this.#stopping;
    for (let after = 0; !signal.aborted; ) {
      const mail = await sink.waitFor({ after, signal, timeout: MOST_TIMEOUT_MS }).catch((error: unknown) => {
        if (signal.aborted || (error as Error).name === 'MailExpectationError') return null;
        throw error;
      });
      if (mail === null) continue;
      after = mail.seq;
      const email = await emailOf(mail);
      const id = ++this.#count;
      this.#mails.set(id, { email, remove: () => void mail.delete().catch(() => {}) });
      // First those of all mail.
      const isFor = (all: boolean) => this.#bindings.filter(({ recipient }) => (recipient === null) === all);
      for (const binding of [...isFor(true), ...isFor(false)]) this.#tell(binding, id, email);
    }
  }

  #tell({ recipient, call }: Binding, id: number, email: EmailInfo): void {
    if (recipient !== null && !Object.hasOwn(email.receivers, recipient)) return;
    try {
      call(recipient, id, email);
    } catch (error) {
      toRunner(error);
    }
  }
}

/** A day; then it waits anew. */
const MOST_TIMEOUT_MS = 86_400_000;

function bindingOf(recipient: string | CatchAllHandler, handler?: Handler): Binding {
  if (typeof recipient === 'function') return { recipient: null, call: recipient as Binding['call'] };
  if (typeof handler !== 'function') throw new TypeError(`there is no handler for ${recipient}`);
  return { recipient, call: handler as Binding['call'] };
}

/** Programs that send to `localhost` may try either. */
async function listen(port: number): Promise<Sink> {
  const smtp = [`127.0.0.1:${port}`, ...(port === 0 ? [] : [`[::1]:${port}`])];
  try {
    return await startSink({ smtp });
  } catch (error) {
    // A machine without IPv6 has no ::1.
    if (!String((error as Error).message).includes('::1')) throw error;
    return startSink({ smtp: smtp.slice(0, 1) });
  }
}

/** What a handler throws is the test's: test runners heed what nobody has caught. */
function toRunner(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
