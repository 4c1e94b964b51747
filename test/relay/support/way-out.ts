// One forwarder and the scripted upstream that it goes to, for tests of the way out.
import {
  type Content,
  type Courier,
  type Delivery,
  type Envelope,
  Unreachable,
} from '../../../relay/upstream/courier.ts';
import { Forwarder } from '../../../relay/upstream/forward.ts';
import { parseUpstream } from '../../../relay/upstream/upstream.ts';
import type { Waits } from '../../../relay/upstream/waits.ts';
import { within } from '../../support/within.ts';
import { RecordingLog } from './recording-log.ts';
import { type Act, type Phase, type Step, Upstream, type UpstreamOptions } from './upstream.ts';

export const WAITS: Waits = {
  connect: 4000,
  greeting: 4000,
  command: 4000,
  data: 4000,
  block: 4000,
  dot: 4000,
  reset: 4000,
  idle: 4000,
};

/** For tests that wait for them. */
export const SHORT_WAITS: Waits = {
  ...WAITS,
  greeting: 150,
  command: 150,
  data: 150,
  block: 150,
  dot: 150,
  reset: 150,
};

export const MESSAGE = Buffer.from('Subject: t\r\n\r\nHello\r\n');

/** An envelope, with recipients that are given as addresses. */
export type Changes = Partial<Omit<Envelope, 'recipients'>> & { readonly recipients?: readonly string[] };

export function outgoing({ recipients = ['b@x.example'], ...changes }: Changes = {}): Envelope {
  return {
    sender: 'a@x.example',
    recipients: recipients.map((address) => ({ address, parameters: [] })),
    size: MESSAGE.length,
    parameters: [],
    traits: [],
    ...changes,
  };
}

export function at(phase: Phase, act: Act): (step: Step) => Act {
  return (step) => (step.phase === phase ? act : undefined);
}

/** The content in pieces, as the store gives it. */
export async function* piecesOf(content: Buffer): AsyncGenerator<Buffer> {
  for (let from = 0; from < content.length; from += 65536) yield content.subarray(from, from + 65536);
}

export interface WayOutOptions extends UpstreamOptions {
  readonly waits?: Partial<Waits>;
  /** `smtp`, unless told otherwise. */
  readonly scheme?: string;
  /** `user:password`. */
  readonly credentials?: string;
  /** Parameters of the URL, in place of `tls=none`. */
  readonly query?: string;
}

/** Opened by a test, closed by stop(). */
export class WayOut {
  readonly upstream: Upstream;
  readonly forwarder: Forwarder;
  readonly log = new RecordingLog();

  private constructor(upstream: Upstream, { waits, scheme = 'smtp', credentials, query = 'tls=none' }: WayOutOptions) {
    this.upstream = upstream;
    const user = credentials ? `${credentials}@` : '';
    const settings = { hostname: 'mx.example', log: this.log, waits: { ...WAITS, ...waits } };
    this.forwarder = new Forwarder(parseUpstream(`${scheme}://${user}127.0.0.1:${upstream.port}?${query}`), settings);
  }

  static async open(options: WayOutOptions = {}): Promise<WayOut> {
    return new WayOut(await Upstream.start(options), options);
  }

  deliver(changes: Changes = {}, content: Content = [MESSAGE]): Promise<Delivery> {
    return deliverBy(this.forwarder, outgoing(changes), content);
  }

  /** `delivered failed`, or `unreachable: host` with who is to blame. */
  async fates(changes: Changes = {}, content?: Content): Promise<string> {
    return fatesOf(this.deliver(changes, content));
  }

  async stop(): Promise<void> {
    this.forwarder.destroy();
    await this.upstream.stop();
  }
}

export function deliverBy(courier: Courier, envelope: Envelope, content: Content = [MESSAGE]): Promise<Delivery> {
  return within(
    8000,
    courier.deliver(envelope, () => Promise.resolve(content)),
    'an outcome',
  );
}

export async function fatesOf(delivery: Promise<Delivery>): Promise<string> {
  try {
    return (await delivery).outcomes.map(({ fate }) => fate).join(' ');
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return `unreachable: ${error.blame}`;
  }
}
