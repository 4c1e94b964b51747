// The kinds of toxic as a table: their attributes, how much waits in front of them, and the effect that each makes.
import { BandwidthEffect } from './bandwidth.ts';
import { Effect } from './effect.ts';
import { LatencyEffect } from './latency.ts';
import { LimitDataEffect, type Passed } from './limit-data.ts';
import type { Random } from './random.ts';
import { ResetPeerEffect } from './reset-peer.ts';
import { SlicerEffect } from './slicer.ts';
import { SlowCloseEffect } from './slow-close.ts';
import { TimeoutEffect } from './timeout.ts';

export type Attributes = Readonly<Record<string, number | boolean>>;

/** What an effect is given besides its attributes. */
export interface Surroundings {
  readonly now: number;
  readonly random: Random;
  /** Kept by the connection for the toxic, over changes of it. */
  readonly passed: Passed;
  /** Whether the connection is older than the toxic. */
  readonly isLate: boolean;
  readonly strict: boolean;
}

export interface Kind {
  /** As Toxiproxy calls it: stands in its error messages. */
  readonly struct: string;
  /** The attributes in their order, and their type there. A boolean is ours: shown only when it is true. */
  readonly attributes: Readonly<Record<string, 'int64' | 'int' | 'bool'>>;
  /** Whether it fills a queue of its own before it holds back the sender. */
  readonly queues?: true;
  /** Attributes that nothing sensible can be done with; Toxiproxy dies of them. */
  refusal?(attributes: Attributes): string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: each kind gets the attributes of its own row
  make(attributes: any, around: Surroundings): Effect;
}

export const KINDS: Readonly<Record<string, Kind>> = {
  latency: {
    struct: 'LatencyToxic',
    attributes: { latency: 'int64', jitter: 'int64' },
    queues: true,
    make: (attributes, { random }) => new LatencyEffect(attributes, random),
  },
  bandwidth: {
    struct: 'BandwidthToxic',
    attributes: { rate: 'int64' },
    refusal: ({ rate }) => (Number(rate) < 0 ? 'rate must not be negative' : undefined),
    make: (attributes) => new BandwidthEffect(attributes),
  },
  slow_close: {
    struct: 'SlowCloseToxic',
    attributes: { delay: 'int64' },
    make: (attributes) => new SlowCloseEffect(attributes),
  },
  timeout: {
    struct: 'TimeoutToxic',
    attributes: { timeout: 'int64', absolute: 'bool' },
    make: (attributes, { now }) => new TimeoutEffect(attributes, now),
  },
  reset_peer: {
    struct: 'ResetToxic',
    attributes: { timeout: 'int64' },
    make: (attributes, { isLate, strict }) => new ResetPeerEffect(attributes, strict && isLate ? 'closed' : 'reset'),
  },
  slicer: {
    struct: 'SlicerToxic',
    attributes: { average_size: 'int', size_variation: 'int', delay: 'int' },
    refusal: ({ average_size, size_variation }) => {
      if (Number(average_size) < 1) return 'average_size must be at least 1';
      return Number(size_variation) < 0 ? 'size_variation must not be negative' : undefined;
    },
    make: (attributes, { random }) => new SlicerEffect(attributes, random),
  },
  limit_data: {
    struct: 'LimitDataToxic',
    attributes: { bytes: 'int64' },
    make: (attributes, { passed }) => new LimitDataEffect(attributes, passed),
  },
  noop: { struct: 'NoopToxic', attributes: {}, make: () => new Effect() },
};

/** The attributes of a toxic for which nothing was said. */
export function defaultAttributes({ attributes }: Kind): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([key, type]) => [key, type === 'bool' ? false : 0]));
}
