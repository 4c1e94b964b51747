// The toxics of one proxy, and the connections that they act on. Names are unique over both directions. What is changed
// here is changed on every open connection before the call returns: nothing is waited for.
import type { Clock } from '../../src/clock.ts';
import type { Transport } from '../../src/transport.ts';
import type { Random } from './random.ts';
import { DIRECTIONS, type Direction, type Toxic } from './toxic.ts';
import { ToxicTransport } from './toxic-transport.ts';

export interface ToxicSetOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes that a latency may hold on one direction of a connection. */
  readonly maxHeld: number;
  readonly strict: boolean;
}

export class ToxicSet {
  private readonly options: ToxicSetOptions;
  private readonly lists: Record<Direction, Toxic[]> = { upstream: [], downstream: [] };
  private readonly connections = new Set<ToxicTransport>();
  private wrapped = 0;

  constructor(options: ToxicSetOptions) {
    this.options = options;
  }

  /** Those of the upstream direction first, each in the order of its chain. */
  get all(): readonly Toxic[] {
    return DIRECTIONS.flatMap((direction) => this.lists[direction]);
  }

  find(name: string): Toxic | undefined {
    return this.all.find((toxic) => toxic.name === name);
  }

  add(toxic: Toxic): void {
    this.lists[toxic.direction].push(toxic);
    for (const { chains } of [...this.connections]) chains[toxic.direction].add(toxic);
  }

  update(toxic: Toxic, change: Pick<Toxic, 'attributes' | 'toxicity'>): void {
    toxic.attributes = change.attributes;
    toxic.toxicity = change.toxicity;
    for (const { chains } of [...this.connections]) chains[toxic.direction].update(toxic);
  }

  remove(toxic: Toxic): void {
    const list = this.lists[toxic.direction];
    list.splice(list.indexOf(toxic), 1);
    for (const { chains } of [...this.connections]) chains[toxic.direction].remove(toxic);
  }

  removeAll(): void {
    for (const toxic of this.all) this.remove(toxic);
  }

  /** A client's connection as it is behind the toxics; `onReset` has to reset both sides. */
  wrap(inner: Transport, onReset: () => void): ToxicTransport {
    const { clock, random, maxHeld, strict } = this.options;
    const transport = new ToxicTransport(inner, {
      clock,
      random: random.fork(`connection ${++this.wrapped}`),
      maxHeld,
      strict,
      toxics: this.lists,
      onReset,
    });
    this.connections.add(transport);
    transport.on('close', () => this.connections.delete(transport));
    return transport;
  }
}
