// RESP spreads a command over many frames: `*3`, `$3`, `SET`, `$1`, `k`, ... They are gathered into one line,
// `*3 SET k v`, in which the lengths of strings are left out.
import type { FrameEvent } from '../dialogue/event.ts';

const AGGREGATE = /^[*~>%|](?:\d+|\?)$/;
const STRING = /^[$=!]\d+$/;
/** A gathered line is not shown beyond this. */
const MOST = 2000;

export class RespText {
  private words: string[] | null = null;
  private length = 0;

  /** The line to show; null while it is being gathered. */
  frame(event: FrameEvent, text: string): string | null {
    if (this.words === null) {
      if (!event.part || !(AGGREGATE.test(text) || STRING.test(text))) return text;
      this.words = [];
      this.length = 0;
    }
    const isString = event.kind === 'literal' || event.kind === 'secret';
    const word = isString ? text.replace(/\\r\\n$/, '') : text;
    if (isString || !STRING.test(text)) {
      this.length += word.length + 1;
      if (this.length <= MOST) this.words.push(isString && /^$|\s/.test(word) ? JSON.stringify(word) : word);
    }
    if (event.part) return null;
    const line = this.words.join(' ') + (this.length > MOST ? ' ...' : '');
    this.words = null;
    return line;
  }
}
