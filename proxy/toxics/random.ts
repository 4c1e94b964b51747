// Chance with a seed. What happens on one connection must not depend on how busy another one is, so each direction of
// each connection has a generator of its own, made from the seed and from what it is called.

export class Random {
  private readonly seed: number;
  private state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.state = this.seed;
  }

  /** Another generator: always the same one for a name. */
  fork(name: string): Random {
    // FNV-1a over the name, from the seed.
    let hash = this.seed ^ 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return new Random(hash);
  }

  /** From 0 up to, but not including, 1 (splitmix32). */
  unit(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let bits = Math.imul(this.state ^ (this.state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from 0 up to, but not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }
}
