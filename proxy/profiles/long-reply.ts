// Replies of POP3 and NNTP that go on behind their first line: as one dotted block, or, where each line tells something,
// line by line up to a lone dot.
import { DOTTED, type Frame, type Mode, type Talk } from './profile.ts';

export class LongReply {
  private readonly talk: Talk;
  private readonly usual: Mode;
  private goesOn: 'no' | 'block' | 'lines' = 'no';

  /** `usual`: what the server says when no reply goes on. */
  constructor(talk: Talk, usual: Mode) {
    this.talk = talk;
    this.usual = usual;
  }

  /** The frame in hand is only the first line of its reply. */
  begin(as: 'block' | 'lines'): void {
    const { talk } = this;
    this.goesOn = as;
    talk.part();
    talk.answer(false);
    if (as === 'block') talk.server.next(DOTTED);
  }

  /** True for a frame that belongs to the reply which has begun. */
  takes(frame: Frame): boolean {
    const { talk, goesOn } = this;
    if (goesOn === 'no') return false;
    const isLast = goesOn === 'block' || frame.text() === '.';
    if (isLast) this.goesOn = 'no';
    else talk.part();
    if (goesOn === 'block') talk.server.next(this.usual);
    talk.answer(isLast);
    return true;
  }
}
