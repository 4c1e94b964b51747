// `startSink` and `connectSink`: a sink in this process, on a port of its own, or one that runs already.
import { resolveSink, type SinkOptions } from '../../relay/options.ts';
import { type MailService, startMail } from '../../relay/service.ts';
import type { SessionTranscript } from '../../relay/smtp/transcript.ts';
import { parseAddress, type TcpAddress } from '../../src/address.ts';
import { ChatError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { WebOptions } from '../../web/server/options.ts';
import type { WebService } from '../../web/server/server.ts';
import type { SinkLogin } from './api.ts';
import { InProcessBackend, SessionRing } from './in-process.ts';
import { OpenedSink } from './opened-sink.ts';
import { DEFAULT_TIMEOUT_MS } from './scope.ts';
import type { Sink } from './sink.ts';

type Value = string | number | boolean | readonly (string | number)[];

/** All options of `lonedot sink`, by the keys of a config file: `requireAuth: true`, `tlsSelfSigned: 'localhost'`. */
export type StartSinkOptions = { readonly [Key in Exclude<keyof SinkOptions, 'mode'>]?: Value } & {
  /** Serves the API and the page, too: on a free port, or with these options. Default: false. */
  readonly http?: boolean | ({ readonly [Key in keyof WebOptions]?: Value } & { readonly listen?: string });
  /** Milliseconds that waitFor() and its like wait. Default: 4000. */
  readonly timeout?: number;
};

export interface ConnectSinkOptions {
  /** Where the server wants a login; it may also be part of the URL. */
  readonly auth?: SinkLogin;
  /** Milliseconds that waitFor() and its like wait. Default: 4000. */
  readonly timeout?: number;
}

/**
 * Resolves when it listens; the store is opened meanwhile. Listens on a free port of 127.0.0.1 unless `smtp` says otherwise, keeps all mail in a temporary store, and says nothing.
 * Rejects with ChatError LISTEN_FAILED or BAD_OPTION.
 */
export async function startSink(given: StartSinkOptions = {}): Promise<Sink> {
  const { http = false, timeout = DEFAULT_TIMEOUT_MS, ...values } = given;
  const file = { path: 'startSink', values: { smtp: ['127.0.0.1:0'], max: 0, ...values } };
  const sessions = new SessionRing();
  const sessionOpened = (session: SessionTranscript) => sessions.add(session);
  let isBound = (_: readonly string[]): void => {};
  const bound = new Promise<readonly string[]>((resolve) => {
    isBound = resolve;
  });
  const starting = startMail(resolveSink({ file }), silentLog, { sessionOpened, bound: ({ smtp }) => isBound(smtp) });
  // The test goes on while the store is opened: its first client is greeted already, and waits with its first command.
  const smtp = await Promise.race([bound, starting.then((mail) => mail.smtp)]);
  let web: WebService | null = null;
  const stop = async (): Promise<void> => {
    await web?.stop();
    // What could not start has closed what it had.
    await starting.then((mail) => mail.stop(0)).catch(() => {});
  };
  try {
    // So that the first mail that is waited for finds the inbox's thread running.
    starting.then((mail) => mail.inbox?.cursor()).catch(() => {});
    if (http !== false) web = await serve(await starting, http === true ? {} : http);
    return new OpenedSink(new InProcessBackend(placeOf(smtp), starting, sessions, web?.url ?? null, stop), timeout);
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `http://127.0.0.1:8025`. Rejects with ChatError TRANSPORT_FAILED when there is no lonedot, or with BAD_OPTION. */
export async function connectSink(url: string | URL, options: ConnectSinkOptions = {}): Promise<Sink> {
  const { timeout = DEFAULT_TIMEOUT_MS, auth } = options;
  const [{ SinkApi }, { openHttpBackend }] = await Promise.all([import('./api.ts'), import('./over-http.ts')]);
  return new OpenedSink(await openHttpBackend(new SinkApi(url, auth)), timeout);
}

async function serve(mail: MailService, values: Readonly<Record<string, unknown>>): Promise<WebService> {
  const [{ resolveSinkWeb }, { startWeb }] = await Promise.all([
    import('../../web/server/options.ts'),
    import('../../web/server/server.ts'),
  ]);
  const file = { path: 'startSink: http', values: { listen: '127.0.0.1:0', ...values } };
  return startWeb(resolveSinkWeb({ file }), { ...mail, log: silentLog });
}

function placeOf(smtp: readonly string[]): TcpAddress {
  const place = smtp.map((text) => parseAddress(text)).find(({ kind }) => kind === 'tcp');
  if (place?.kind !== 'tcp') throw new ChatError('BAD_OPTION', 'startSink: smtp must have a port');
  return place;
}
