// Message ids: 22 characters base62 whose byte order is their time order, so that a list sorted by id is a list
// sorted by arrival and an index on ids grows at its end only. Three parts: 8 digits of milliseconds, 6 digits that
// count within one millisecond, 8 random digits that tell apart two programs that share one store.
// Increasing also when the clock is set back: the greatest id so far is the floor, across restarts too.

import { randomInt } from 'node:crypto';
import type { Clock } from '../../src/clock.ts';

/** In ASCII order, or comparing ids as bytes would not compare their times. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const TIME_DIGITS = 8;
const COUNT_DIGITS = 6;
const ORIGIN_DIGITS = 8;
const COUNT_END = 62 ** COUNT_DIGITS;

export const MESSAGE_ID = /^[0-9A-Za-z]{22}$/;

export class MessageIds {
  readonly #clock: Clock;
  readonly #origin: string;
  #time = 0;
  #count = 0;
  /** The digits of #time: many ids are made within one millisecond. */
  #prefix = encode(0, TIME_DIGITS);

  /** `greatest` is the greatest id that the store holds: every new one is greater. */
  constructor(clock: Clock, greatest: string | null) {
    this.#clock = clock;
    this.#origin = Array.from({ length: ORIGIN_DIGITS }, () => DIGITS[randomInt(62)]).join('');
    if (greatest === null) return;
    this.#moveTo(decode(greatest.slice(0, TIME_DIGITS)));
    this.#count = decode(greatest.slice(TIME_DIGITS, TIME_DIGITS + COUNT_DIGITS));
  }

  next(): string {
    const now = Math.floor(this.#clock.now());
    if (now > this.#time) this.#moveTo(now);
    else if (++this.#count === COUNT_END) this.#moveTo(this.#time + 1);
    return this.#prefix + encode(this.#count, COUNT_DIGITS) + this.#origin;
  }

  #moveTo(time: number): void {
    this.#time = time;
    this.#count = 0;
    this.#prefix = encode(time, TIME_DIGITS);
  }
}

function encode(value: number, width: number): string {
  let digits = '';
  for (let rest = value; digits.length < width; rest = Math.floor(rest / 62)) digits = DIGITS[rest % 62] + digits;
  return digits;
}

function decode(digits: string): number {
  let value = 0;
  for (const digit of digits) value = value * 62 + DIGITS.indexOf(digit);
  return value;
}
