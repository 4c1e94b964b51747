// The framing core's public API. Everything here is documented at its definition and held stable by tests.
export { type Address, formatAddress, parseAddress } from './address.ts';
export { AsyncChat, type ChatLogger, type ChatOptions, type ChatStats } from './chat.ts';
export { type Clock, FakeClock, realClock, type TimerHandle } from './clock.ts';
export type { TimeoutKind, Timeouts } from './deadlines.ts';
export { DotStuffer, DotUnstuffer } from './dot-stuffing.ts';
export { ChatError, ERROR_CODES, type ErrorCode } from './errors.ts';
export type { FrameInfo, FramerOptions, FramerStats, FrameSink } from './frame.ts';
export { Framer } from './framer.ts';
export { LINE_POLICIES, LineEndings, type LinePolicy } from './lines.ts';
export {
  type DrainResult,
  Listener,
  type ListenerOptions,
  type OnConnection,
  type PeerInfo,
  type Refusal,
  type ServedConnection,
} from './listen.ts';
export { memoryTransportPair } from './memory-transport.ts';
export { Outbox, type OutboxOptions, type Outlet } from './outbox.ts';
export { CompositeProducer, IterableProducer, type Producer, SimpleProducer } from './producers.ts';
export { ProtocolStats } from './stats.ts';
export type { FrameEnd, OverlongPolicy, Terminator, TerminatorOptions, Until } from './terminator.ts';
export type { LeftoverPolicy, TlsOptions } from './tls-upgrade.ts';
export {
  type SocketTransportOptions,
  socketTransport,
  type TlsInfo,
  type Transport,
  type TransportEvent,
} from './transport.ts';
