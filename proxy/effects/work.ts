// What the effects that match a frame make of it, action by action: other bytes, a way of leaving, an end. No state but
// how far into the frame the pieces are.
import type { Kind } from '../profiles/profile.ts';
import { corrupted, endOf, placeOfCut } from './bytes.ts';
import type { ConnectionEffects, Effect } from './effects.ts';
import { rewriteWords } from './resp-command.ts';
import type { Action } from './rule.ts';

export interface Taken {
  readonly effect: Effect;
  /** What is said in the server's place. */
  readonly answer: string | null;
}

export interface Worked {
  bytes: Buffer;
  leaving: { delayMs: number; rate: number };
  /** Milliseconds between slices; null: in one piece. */
  sliceMs: number | null;
  /** It never reaches the other side. */
  taken: Taken | null;
  /** The connection ends behind it. */
  end: 'close' | 'reset' | null;
  note: string;
}

/** One frame, or a piece of it. */
export interface Piece {
  readonly kind: Kind;
  readonly bytes: Buffer;
  /** Bytes of the frame before it; 0: it is the first. */
  readonly before: number;
  /** Its length was announced, and cannot be changed any more. */
  readonly isFixed: boolean;
  /** The words that a rewrite is about, where the bytes are more than these. */
  readonly words: readonly string[] | null;
}

export function work(piece: Piece, effects: readonly Effect[], chances: ConnectionEffects): Worked {
  const worked: Worked = {
    ...{ bytes: piece.bytes, leaving: { delayMs: 0, rate: 0 }, sliceMs: null, taken: null, end: null, note: '' },
  };
  for (const effect of effects) {
    for (const action of effect.rule.actions) {
      act(worked, piece, action, effect, chances);
      if (worked.taken || worked.end) return worked;
    }
  }
  return worked;
}

function act(worked: Worked, piece: Piece, action: Action, effect: Effect, chances: ConnectionEffects): void {
  const isFirst = piece.before === 0;
  switch (action.type) {
    case 'delay':
      // What is behind it waits anyway.
      if (isFirst) worked.leaving.delayMs += action.ms;
      return;
    case 'throttle':
      worked.leaving.rate = worked.leaving.rate === 0 ? action.rate : Math.min(worked.leaving.rate, action.rate);
      return;
    case 'slice':
      worked.sliceMs = action.ms;
      return;
    case 'corrupt': {
      const at = action.at === null ? null : action.at - piece.before;
      if (at === null ? isFirst : at >= 0 && at < worked.bytes.length)
        worked.bytes = corrupted(worked.bytes, action.count, at, chances.random(effect));
      return;
    }
    case 'rewrite': {
      const { words } = piece;
      const bytes = words
        ? rewriteWords(words, action.find, action.to)
        : rewritten(worked.bytes, action.find, action.to);
      if (bytes.length === worked.bytes.length || !piece.isFixed) worked.bytes = bytes;
      else worked.note = 'not rewritten: its length was announced before';
      return;
    }
    case 'drop':
      worked.taken = { effect, answer: null };
      return;
    case 'answer':
      worked.taken = { effect, answer: action.text };
      return;
    case 'cut': {
      const at = placeOfCut(worked.bytes, action.where, piece.before);
      if (at === undefined) return;
      worked.bytes = worked.bytes.subarray(0, at);
      worked.end = action.end;
      return;
    }
    case 'close':
    case 'reset':
      worked.bytes = worked.bytes.subarray(0, 0);
      worked.end = action.type;
      return;
    case 'refuse':
      return;
  }
}

/** What ends the line stays as it is. */
export function rewritten(bytes: Buffer, find: RegExp, to: string): Buffer {
  const end = bytes.length - endOf(bytes);
  const text = bytes.toString('latin1', 0, end);
  const changed = text.replace(find, to);
  return changed === text ? bytes : Buffer.concat([Buffer.from(changed, 'latin1'), bytes.subarray(end)]);
}
