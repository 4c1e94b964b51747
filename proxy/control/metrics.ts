// /metrics for Prometheus, under Toxiproxy's names: bytes of each proxy, counted when a connection ends, and what the
// process does. Each part is there if its flag is.
import type { Counter, Registry } from 'prom-client';
import type { Direction } from '../toxics/toxic.ts';
import type { ToxicProxy } from './toxic-proxy.ts';

const LABELS = ['direction', 'listener', 'proxy', 'upstream'] as const;
type ByteCounter = Counter<(typeof LABELS)[number]>;

export class Metrics {
  private readonly registry: Registry;
  private readonly bytes: { received: ByteCounter; sent: ByteCounter } | undefined;

  /** Undefined if neither is wanted. */
  static async make(wanted: { proxy: boolean; runtime: boolean }): Promise<Metrics | undefined> {
    if (!wanted.proxy && !wanted.runtime) return undefined;
    const { collectDefaultMetrics, Counter: PromCounter, Registry: PromRegistry } = await import('prom-client');
    const registry = new PromRegistry();
    if (wanted.runtime) collectDefaultMetrics({ register: registry });
    if (!wanted.proxy) return new Metrics(registry, undefined);
    const counter = (name: string, help: string): ByteCounter =>
      new PromCounter({ name: `toxiproxy_proxy_${name}_bytes_total`, help, labelNames: LABELS, registers: [registry] });
    return new Metrics(registry, {
      received: counter('received', 'Bytes that came from one side of a proxy'),
      sent: counter('sent', 'Bytes that were passed to the other side'),
    });
  }

  private constructor(registry: Registry, bytes: Metrics['bytes']) {
    this.registry = registry;
    this.bytes = bytes;
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  count({ name, listen, upstream }: ToxicProxy, direction: Direction, received: number, sent: number): void {
    const labels = { direction, listener: listen, proxy: name, upstream };
    this.bytes?.received.inc(labels, received);
    this.bytes?.sent.inc(labels, sent);
  }
}
