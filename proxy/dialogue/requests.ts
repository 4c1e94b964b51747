// The requests of one connection that have no answer yet: first come, first answered, but for those with a tag.

/** More than these are not remembered: a client that never reads replies must not fill the memory. */
const MOST = 10_000;

interface Request {
  readonly what: string;
  readonly seq: number;
  readonly time: number;
}

export class Requests {
  private queue: Request[] = [];
  private first = 0;
  private readonly tagged = new Map<string, Request>();

  /** Of the latest request that was answered. */
  answeredSeq = -1;
  answeredTime = 0;
  /** Requests without a tag so far, and how many of them have their answers. */
  asked = 0;
  answered = 0;

  get size(): number {
    return this.queue.length - this.first;
  }

  get oldest(): string {
    return this.queue[this.first]?.what ?? '';
  }

  /** False when there are too many. */
  ask(what: string, seq: number, time: number, tag: string | undefined): boolean {
    if (this.size >= MOST || this.tagged.size >= MOST) return false;
    if (tag === undefined) {
      this.queue.push({ what, seq, time });
      this.asked++;
    } else this.tagged.set(tag, { what, seq, time });
    return true;
  }

  /** The latest `count` requests were never made, or the one with this tag. */
  cancel(count: number, tag: string | undefined): void {
    if (tag !== undefined) this.tagged.delete(tag);
    else {
      this.queue.length = Math.max(this.first, this.queue.length - count);
      this.asked -= count;
    }
  }

  /** What was asked; undefined when nobody asked. */
  answer(final: boolean, tag: string | undefined): string | undefined {
    const request = tag === undefined ? this.queue[this.first] : this.tagged.get(tag);
    if (request === undefined) return undefined;
    this.answeredSeq = request.seq;
    this.answeredTime = request.time;
    if (!final) return request.what;
    if (tag === undefined) this.answered++;
    if (tag !== undefined) this.tagged.delete(tag);
    else if (++this.first === this.queue.length || this.first > 256) {
      this.queue.splice(0, this.first);
      this.first = 0;
    }
    return request.what;
  }
}
