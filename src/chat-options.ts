// What an AsyncChat can be told, what it tells to a log, and what it counts.
import type { Clock } from './clock.ts';
import type { Timeouts } from './deadlines.ts';
import type { FramerStats } from './frame.ts';
import type { ProtocolStats } from './stats.ts';

export interface ChatLogger {
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}

export interface ChatOptions {
  /** Limit of a frame in bytes where setTerminator names none. Default 16 MiB. Infinity: the handler must bound it. */
  inLimit?: number;
  /** Queued output above which push() answers false and input is paused. Default 65536. */
  outHighWater?: number;
  /** Frames delivered before other connections get a turn. Default 2048. */
  framesPerTurn?: number;
  /** Milliseconds each; see Timeouts. */
  timeouts?: Timeouts;
  clock?: Clock;
  /** Told of what the default handlers do. Default: nothing is logged, bugs in handlers become process warnings. */
  logger?: ChatLogger;
  /** Counters of the server that this connection belongs to. */
  stats?: ProtocolStats;
  /** push() after closeWhenDone() throws PUSH_AFTER_CLOSE instead of answering false. Default false. */
  strict?: boolean;
}

export interface ChatStats extends FramerStats {
  bytesSent: number;
  /** Pushes that came after closeWhenDone() and were not sent. */
  refusedPushes: number;
}
