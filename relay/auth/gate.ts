// Lets so many costly works run at a time, and so many wait. Password hashes take memory and a thread each: without a
// bound, a crowd that logs in at once would take both from everything else, file system and DNS included.

export class Gate {
  private readonly width: number;
  private readonly maxWaiting: number;
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(width: number, maxWaiting: number) {
    this.width = width;
    this.maxWaiting = maxWaiting;
  }

  /** What the work gives; null when too many wait already. */
  async run<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.running >= this.width) {
      if (this.waiting.length >= this.maxWaiting) return null;
      // Whoever leaves hands its place over: nobody can slip in between.
      await new Promise<void>((enter) => this.waiting.push(enter));
    } else this.running++;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}
