// A chain of toxics without sockets, on a clock that stands still: what goes in, and what comes out at which moment.

import { Chain } from '../../../proxy/toxics/chain.ts';
import { type Attributes, defaultAttributes, KINDS } from '../../../proxy/toxics/kinds.ts';
import { Random } from '../../../proxy/toxics/random.ts';
import { Toxic } from '../../../proxy/toxics/toxic.ts';
import { FakeClock } from '../../../src/clock.ts';

export interface BenchOptions {
  readonly strict?: boolean;
  readonly maxHeld?: number;
  readonly seed?: number;
}

export function toxic(type: string, attributes: Attributes = {}, more: Partial<Toxic> = {}): Toxic {
  return new Toxic({
    name: `${type}_downstream`,
    type,
    stream: 'downstream',
    direction: 'downstream',
    toxicity: 1,
    attributes: { ...defaultAttributes(KINDS[type]!), ...attributes },
    ...more,
  });
}

export class Bench {
  readonly clock = new FakeClock(0);
  readonly chain: Chain;
  /** `0 abc`, `100 end`: the moment, and what came out; long pieces by their length. */
  readonly events: string[] = [];
  readonly pieces: Buffer[] = [];
  /** Whether the outlet takes anything. */
  takes = true;
  isFull = false;

  constructor(toxics: readonly Toxic[], { strict = false, maxHeld = 1024 * 1024, seed = 1 }: BenchOptions = {}) {
    const bench = this;
    this.chain = new Chain(toxics, {
      clock: this.clock,
      random: new Random(seed),
      maxHeld,
      strict,
      out: {
        get hasRoom() {
          return bench.takes;
        },
        send: (bytes) => {
          this.pieces.push(bytes);
          this.events.push(`${this.clock.now()} ${bytes.length <= 40 ? bytes.toString('latin1') : bytes.length}`);
        },
        finish: (how) => this.events.push(`${this.clock.now()} [${how}]`),
      },
      onPressure: (isFull) => {
        this.isFull = isFull;
      },
    });
  }

  /** Runs a script: numbers are milliseconds to wait, `end` is the end of the stream, everything else bytes. */
  play(script: readonly (number | string | Buffer)[]): string[] {
    for (const step of script) {
      if (typeof step === 'number') this.clock.advance(step);
      else if (step === 'end') this.chain.end('end');
      else this.chain.push(Buffer.from(step));
    }
    return this.events;
  }

  get received(): Buffer {
    return Buffer.concat(this.pieces);
  }
}
