// The listeners of a mail server, one for each address in the options, and what each promises its clients.
import type { Address } from '../src/address.ts';
import { Listener } from '../src/listen.ts';
import type { Log } from '../src/log.ts';
import type { RelayOptions, SinkOptions } from './options.ts';
import type { Security } from './security.ts';
import { formatReply, REPLIES } from './smtp/replies.ts';
import { Session } from './smtp/session.ts';
import type { Door, SmtpContext } from './smtp/session-context.ts';

export interface Doors {
  readonly smtp: readonly Listener[];
  readonly smtps: readonly Listener[];
  readonly lmtp: readonly Listener[];
}

/** The bound addresses, by kind: a port 0 has become a number. */
export type Places = Readonly<Record<keyof Doors, readonly string[]>>;

export function makeDoors(
  options: SinkOptions | RelayOptions,
  context: SmtpContext,
  security: Security,
  log: Log,
): Doors {
  const { maxConnections, maxConnectionsPerAddress } = options;
  const listener = (address: Address, door: Door): Listener =>
    new Listener(
      {
        address,
        maxConnections: maxConnections || Number.POSITIVE_INFINITY,
        maxConnectionsPerAddress: maxConnectionsPerAddress || Number.POSITIVE_INFINITY,
        proxyFrom: security.proxyFrom,
        // Where TLS begins, words in the clear mean nothing.
        refusal: (why) =>
          why === 'draining' || door.implicitTls ? undefined : formatReply(REPLIES.tooManyConnections),
        stats: context.stats,
        onError: (error) => log.warn('listener.error', { code: error.code, error: error.message }),
      },
      (transport, peer) => new Session(transport, peer, context, door),
    );
  const plain: Door = options.mode === 'sink' && options.smtpRequireTls ? { implicitTls: true } : {};
  const smtps: Door = { implicitTls: true, ...(security.tls ? { tls: security.tls.smtps } : {}) };
  return {
    smtp: options.smtp.map((address) => listener(address, plain)),
    smtps: (options.smtps ?? []).map((address) => listener(address, smtps)),
    lmtp: (options.lmtp ?? []).map((address) => listener(address, { lmtp: true })),
  };
}

export function allDoors({ smtp, smtps, lmtp }: Doors): Listener[] {
  return [...smtp, ...smtps, ...lmtp];
}

/** Rejects with LISTEN_FAILED; what was bound by then is closed again. */
export async function openDoors(doors: Doors): Promise<Places> {
  const bind = (listeners: readonly Listener[]) => Promise.all(listeners.map((one) => one.listen()));
  try {
    const [smtp, smtps, lmtp] = await Promise.all([bind(doors.smtp), bind(doors.smtps), bind(doors.lmtp)]);
    return { smtp, smtps, lmtp };
  } catch (error) {
    await Promise.all(allDoors(doors).map((one) => one.close()));
    throw error;
  }
}
