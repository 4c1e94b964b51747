// What a session may do and what it is told, made from the options: the part of its context that can be replaced while
// sessions run, since each looks at it anew with each command.
import { planDelivery } from './delivery-plan.ts';
import type { RelayOptions, SinkOptions } from './options.ts';
import type { Security } from './security.ts';
import { type Reply, reply } from './smtp/replies.ts';
import type { RoutedClient, SessionRoute, SmtpContext } from './smtp/session-context.ts';

export type Policy = Pick<
  SmtpContext,
  | 'hostname'
  | 'limits'
  | 'lineEndings'
  | 'timeouts'
  | 'policy'
  | 'auth'
  | 'tls'
  | 'xclientFrom'
  | 'xforwardFrom'
  | 'route'
>;

const DENIED = reply(550, '5.7.1', 'This server relays only for its own clients');

/** Throws BAD_OPTION for routes and networks that make no sense. */
export function policyFrom(options: SinkOptions | RelayOptions, security: Security): Policy {
  const unlimited = (value: number): number => value || Number.POSITIVE_INFINITY;
  return {
    hostname: options.hostname,
    limits: {
      maxSize: unlimited(options.maxMessageSize),
      maxHeader: unlimited(options.maxHeaderSize),
      maxTextLine: unlimited(options.maxTextLine),
      maxHops: unlimited(options.maxHops),
      // Where nothing is sent on, nothing can come round.
      maxOwnHops: options.mode === 'relay' || options.upstream?.length ? MAX_OWN_HOPS : Number.POSITIVE_INFINITY,
      maxRecipients: options.maxRecipients,
      maxLine: options.maxLine,
      maxErrors: unlimited(options.maxErrors),
      maxMessages: unlimited(options.maxMessagesPerSession),
      maxIdleCommands: unlimited(options.maxJunkCommands),
    },
    lineEndings: options.lineEndings,
    timeouts: {
      idle: options.idleTimeout,
      dataIdle: options.dataIdleTimeout,
      message: options.dataTimeout,
      session: unlimited(options.sessionTimeout),
    },
    policy: {
      strictPaths: options.pathSyntax === 'strict',
      strictPipelining: options.pipelining === 'strict',
      greetDelay: options.greetDelay,
      minDataRate: options.minDataRate,
      // No upstream of ours takes it.
      offersBinary: options.mode === 'sink' && !options.upstream?.length,
      requireTls: security.requireTls,
      requireAuth: security.requireAuth,
    },
    auth: security.auth,
    tls: security.tls?.smtp ?? null,
    xclientFrom: security.xclientFrom,
    xforwardFrom: security.xforwardFrom,
    route: routing(options),
  };
}

/** A filter may send a message back once; what has passed this server twice goes round (RFC 5321 6.3). */
const MAX_OWN_HOPS = 1;

/** The operator's routes, closed: what would be relayed is taken only from those who may relay, or for whom anyone may. */
function routing(options: SinkOptions | RelayOptions): SmtpContext['route'] {
  const { routes, relayFrom, relayTo } = planDelivery(options);
  const mayRelay = (recipient: string, { address, user }: RoutedClient): boolean =>
    user !== '' || relayFrom.matches(address) || relayTo.has(recipient);
  return (sender, recipient, client): SessionRoute | Reply => {
    const route = routes.find(sender, recipient);
    if (route.kind === 'reject') return route.reply;
    if (route.kind !== 'relay') return route.kind;
    if (mayRelay(recipient, client)) return route.keeps ? 'copy' : 'relay';
    // What a stranger sends can still be looked at.
    return route.keeps ? 'capture' : DENIED;
  };
}
