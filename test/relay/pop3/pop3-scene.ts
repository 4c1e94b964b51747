// POP3 sessions for tests: in memory or behind a real listener, over an inbox that is only pretended.
import { createServer, type Server, type Socket } from 'node:net';
import type { Authenticator } from '../../../relay/auth/sasl.ts';
import type { Pop3Context } from '../../../relay/pop3/context.ts';
import { Pop3Session } from '../../../relay/pop3/session.ts';
import { memoryTransportPair } from '../../../src/memory-transport.ts';
import { socketTransport } from '../../../src/transport.ts';
import { turn } from '../../support/within.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { testLogins } from '../support/secure-client.ts';
import { PEER } from '../support/sessions.ts';
import { FakeInbox, type FakeMail } from './fake-inbox.ts';

export class Pop3Scene {
  readonly inbox: FakeInbox;
  readonly log = new RecordingLog();
  readonly context: Pop3Context;
  #server: Server | null = null;
  readonly #sockets: Socket[] = [];

  static async make(
    mails: readonly (FakeMail | string)[] = [],
    context: Partial<Pop3Context> = {},
  ): Promise<Pop3Scene> {
    return new Pop3Scene(mails, context.auth ?? (await testLogins()), context);
  }

  private constructor(mails: readonly (FakeMail | string)[], auth: Authenticator, context: Partial<Pop3Context>) {
    this.inbox = new FakeInbox(mails);
    this.context = {
      inbox: this.inbox.inbox,
      auth,
      tls: null,
      mails: this.inbox.maildrop,
      hostname: 'mx.example',
      idleTimeout: 60_000,
      maxErrors: 20,
      log: this.log,
      ...context,
    };
  }

  /** Gives all that a session says to these chunks, up to its end; `between` comes behind each but the last. */
  async talk(chunks: readonly Buffer[], between?: (said: () => string) => Promise<void>): Promise<string> {
    const [ours, theirs] = memoryTransportPair();
    const session = new Pop3Session(theirs, PEER, this.context);
    const said: Buffer[] = [];
    ours.on('data', (bytes: Buffer) => said.push(Buffer.from(bytes)));
    const ended = new Promise<void>((resolve) => ours.on('end', resolve));
    const text = (): string => Buffer.concat(said).toString('latin1');
    for (const [i, chunk] of chunks.entries()) {
      ours.write(chunk);
      await turn();
      if (i < chunks.length - 1) await between?.(text);
    }
    ours.end();
    await ended;
    session.abort();
    return text();
  }

  /** A port where it listens. */
  async listen(): Promise<number> {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.push(socket);
      new Pop3Session(socketTransport(socket), PEER, this.context);
    });
    await new Promise<void>((listening) => this.#server!.listen(0, '127.0.0.1', listening));
    return (this.#server.address() as { port: number }).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server?.close();
  }
}

export function lines(...all: readonly string[]): Buffer {
  return Buffer.from(all.map((line) => `${line}\r\n`).join(''), 'latin1');
}
