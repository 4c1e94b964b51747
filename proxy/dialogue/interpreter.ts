// Asks the profile of a connection what its frames mean. What goes wrong in a profile ends the asking, and nothing else.
import { type Conversation, Frame, type Profile } from '../profiles/profile.ts';
import type { SideName } from './event.ts';
import type { Verdict } from './verdict.ts';

export class Interpreter {
  /** Null: not found out yet. */
  profile: Profile | null = null;
  private readonly verdict: Verdict;
  private readonly frame = new Frame();
  private conversation: Conversation | null = null;

  constructor(verdict: Verdict) {
    this.verdict = verdict;
  }

  begin(profile: Profile): void {
    this.profile = profile;
    this.conversation = profile.start(this.verdict);
  }

  /** Whether tails without a terminator are prompts. */
  get prompts(): boolean {
    return this.profile?.prompts === true;
  }

  /** Whether whole lines of this side may be written down together, since there is nothing to say about them. */
  skims(from: SideName): boolean {
    return this.conversation?.skims?.(from) === true;
  }

  /** A frame, without its terminator; the verdict has the answer. */
  consult(from: SideName, bytes: Buffer, start: number, end: number, state: Frame['state']): void {
    const { verdict } = this;
    const frame = this.at(bytes, start, end);
    frame.state = state;
    try {
      if (from === 'client') this.conversation!.client(frame);
      else this.conversation!.server(frame);
    } catch (error) {
      // The frame is in hand, and must be written all the same.
      verdict.raw(`the profile failed: ${(error as Error).message}`, 'broken');
      verdict.hide();
    }
  }

  /** A piece of what has no bound. */
  piece(from: SideName, chunk: Buffer, start: number, end: number): void {
    if (from === 'client' && this.conversation?.clientPiece) this.conversation.clientPiece(this.at(chunk, start, end));
  }

  private at(bytes: Buffer, start: number, end: number): Frame {
    const { frame } = this;
    frame.bytes = bytes;
    frame.start = start;
    frame.end = end;
    return frame;
  }
}
