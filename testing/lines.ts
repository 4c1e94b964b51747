// The lines of a dialogue's frames. A frame is a line, but for contents, which come in pieces wherever the network has cut
// them.
import type { FrameEvent } from '../proxy/dialogue/event.ts';

/** Of a line that comes in pieces. */
const MOST_CARRIED = 65_536;

export class Lines {
  /** The first piece of which the last line is not complete. */
  openedAt = Number.POSITIVE_INFINITY;
  private readonly carried = new Map<string, { text: string; seq: number }>();

  of({ seq, conn, from, kind, bytes, terminator, more }: FrameEvent): string[] {
    if (kind !== 'body') return [bytes.toString('latin1', 0, bytes.length - terminator).replace(/\r$/, '')];
    const key = `${conn} ${from}`;
    const before = this.carried.get(key);
    const lines = ((before?.text ?? '') + bytes.toString('latin1')).split(/\r?\n/);
    const last = lines.at(-1)!;
    if (!more || last === '' || last.length > MOST_CARRIED) this.carried.delete(key);
    else {
      lines.pop();
      this.carried.set(key, { text: last, seq: before && lines.length === 0 ? before.seq : seq });
    }
    this.openedAt = Math.min(Number.POSITIVE_INFINITY, ...[...this.carried.values()].map((one) => one.seq));
    return lines;
  }
}
