// A toxic as it was ordered: on a proxy, for one direction, with its attributes. What it does to a connection is an
// effect (see kinds.ts), made anew for each.
import { type Attributes, KINDS, type Kind } from './kinds.ts';

export type Direction = 'upstream' | 'downstream';
export const DIRECTIONS: readonly Direction[] = ['upstream', 'downstream'];

export class Toxic {
  readonly name: string;
  readonly type: string;
  /** As it was written: `Upstream` stays that. */
  readonly stream: string;
  readonly direction: Direction;
  /** The part of the connections that it acts on, from 0 to 1; more is all. A float32, as the wire has it. */
  toxicity: number;
  attributes: Attributes;

  constructor(order: Pick<Toxic, 'name' | 'type' | 'stream' | 'direction' | 'toxicity' | 'attributes'>) {
    this.name = order.name;
    this.type = order.type;
    this.stream = order.stream;
    this.direction = order.direction;
    this.toxicity = order.toxicity;
    this.attributes = order.attributes;
  }

  get kind(): Kind {
    return KINDS[this.type]!;
  }
}
