// One direction of a connection with effects: how far its bytes have come, and what is known of the frame in hand.
import { Turns } from '../changer.ts';
import type { SideName } from '../dialogue/event.ts';
import type { Kind } from '../profiles/profile.ts';
import type { Effect } from './effects.ts';
import type { Gathering } from './lengths.ts';
import { RespCommand } from './resp-command.ts';
import type { Way } from './way.ts';

const NOTHING: Buffer = Buffer.alloc(0);

/** A message of which the beginning was taken away. */
export interface Taking {
  readonly effect: string;
  /** Null: it is just not there. */
  readonly answer: string | null;
  /** Its first line. */
  readonly line: string;
}

export class Half {
  readonly from: SideName;
  readonly way: Way;
  readonly turns = new Turns();
  /** Bytes that its side has said, that were framed, and that have passed before anybody looked at them. */
  fed = 0;
  seen = 0;
  passed = 0;
  /** Bytes to come that its side has never said, and the effect that says them. */
  inserted = 0;
  insertedBy = '';
  /** The latest frame was not the last of its message. */
  isInMessage = false;

  // The frame in hand, which may come in pieces.
  kind: Kind | null = null;
  goesOn = false;
  before = 0;
  current: readonly Effect[] = [];

  /** The command of RESP that is not complete. */
  readonly command = new RespCommand();
  taking: Taking | null = null;
  gathering: Gathering | null = null;
  /** The beginning of a content's line. */
  carry = NOTHING;
  /** The next `+` was said already, in the server's place. */
  awaitsPlus = false;

  // What the journal is to know of the frame.
  touched = new Set<string>();
  note = '';

  constructor(from: SideName, way: Way) {
    this.from = from;
    this.way = way;
  }
}
