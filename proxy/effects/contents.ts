// Contents that effects change: text line by line, however the network has cut it; and bytes whose number is announced,
// which wait until they are complete, so that the number can be told right.
import type { About } from '../dialogue/tap.ts';
import type { ProfileName } from '../profiles/names.ts';
import type { Kind } from '../profiles/profile.ts';
import { endOf } from './bytes.ts';
import type { Half } from './half.ts';
import { announced, Gathering, MOST_GATHERED, trailerOf } from './lengths.ts';
import type { Worked } from './work.ts';

const LONE_DOT = Buffer.from('.\r\n');
const DOT = 0x2e;
const NOTHING: Buffer = Buffer.alloc(0);

/** What a frame is made into, and where it goes then. */
export interface Workshop {
  matched(half: Half, kind: Kind, bytes: Buffer, more: boolean, isFixed: boolean): Worked;
  leave(half: Half, worked: Worked): void;
  /** Says `+` to the client in the server's place. */
  goAhead(half: Half): void;
  /** Lets what comes next from the client wait for the server's own `+`. */
  awaitGoAhead(half: Half): void;
}

export class Contents {
  private readonly workshop: Workshop;

  constructor(workshop: Workshop) {
    this.workshop = workshop;
  }

  /** Text: nothing of it has passed yet but whole lines. */
  text(half: Half, bytes: Buffer, { more }: About): void {
    const whole = half.carry.length === 0 ? bytes : Buffer.concat([half.carry, bytes]);
    let from = 0;
    for (let end = whole.indexOf(10); end !== -1; end = whole.indexOf(10, from)) {
      this.textLine(half, whole.subarray(from, end + 1));
      from = end + 1;
    }
    half.carry = whole.subarray(from);
    if (!more || half.carry.length > MOST_GATHERED) this.flushText(half);
  }

  flushText(half: Half): void {
    const { carry } = half;
    half.carry = NOTHING;
    if (carry.length > 0) this.textLine(half, carry);
  }

  /** True when this line announces bytes, with which it waits. */
  begins(half: Half, worked: Worked, protocol: ProfileName | null): boolean {
    const line = worked.bytes.toString('latin1', 0, worked.bytes.length - endOf(worked.bytes));
    const announcement = announced(protocol, line, half.from === 'client');
    if (!announcement || announcement.size === 0 || announcement.size > MOST_GATHERED) return false;
    half.gathering = new Gathering(announcement, worked.bytes, worked.leaving);
    // Its sender waits for this word; the server's own comes when it has the line, and is then one too many.
    if (announcement.waits) this.workshop.goAhead(half);
    return true;
  }

  /** A frame behind the number. False when it does not belong to it, and is still to be dealt with. */
  gather(half: Half, kind: Kind, bytes: Buffer, about: About, protocol: ProfileName | null): boolean {
    const gathering = half.gathering!;
    if (about.counted) {
      gathering.part(bytes);
      if (!about.more) this.complete(half, gathering, kind, protocol);
      return true;
    }
    // Only fields of HTTP stand between a number and its bytes; and there may be none, as behind HEAD.
    if (kind === 'header') {
      const worked = this.workshop.matched(half, kind, bytes, false, false);
      if (!worked.taken) gathering.line(worked.bytes, worked.leaving);
    }
    if (kind === 'header' && about.part) return true;
    this.giveUp(half);
    return kind === 'header';
  }

  /** The bytes do not come. */
  giveUp(half: Half): void {
    const { gathering } = half;
    half.gathering = null;
    if (!gathering) return;
    for (const [line, leaving] of gathering.lines(gathering.announced.size)) half.way.push(line, leaving);
    half.way.push(gathering.payload);
  }

  private complete(half: Half, gathering: Gathering, kind: Kind, protocol: ProfileName | null): void {
    half.gathering = null;
    const { payload } = gathering;
    const { size, waits } = gathering.announced;
    const end = Math.max(0, payload.length - trailerOf(protocol));
    const worked = this.workshop.matched(half, kind, payload.subarray(0, end), false, false);
    if (worked.taken) worked.bytes = NOTHING;
    // What is cut was announced whole.
    const isCut = worked.end !== null;
    for (const [line, leaving] of gathering.lines(isCut ? size : worked.bytes.length)) half.way.push(line, leaving);
    if (waits) this.workshop.awaitGoAhead(half);
    if (!isCut && end < payload.length) worked.bytes = Buffer.concat([worked.bytes, payload.subarray(end)]);
    this.workshop.leave(half, worked);
  }

  private textLine(half: Half, line: Buffer): void {
    // The dot that ends it is no line of it.
    if (line.equals(LONE_DOT)) return half.way.push(line);
    const worked = this.workshop.matched(half, 'body', line, false, false);
    if (worked.taken) return;
    // What was no dot at the beginning of a line must not become one.
    if (worked.bytes !== line && worked.bytes[0] === DOT && line[0] !== DOT)
      worked.bytes = Buffer.concat([LONE_DOT.subarray(0, 1), worked.bytes]);
    this.workshop.leave(half, worked);
  }
}
