// Writes JSON as Go's encoding/json does, to the byte: `<`, `>` and `&` escaped, float32 with as few digits as name it.

/** Marks a number as float32. */
export class Float32 {
  readonly value: number;

  constructor(value: number) {
    this.value = Math.fround(value);
  }

  /** JSON.stringify asks for it. */
  toJSON(): number {
    if (this.value === 0) return 0;
    for (let digits = 1; digits <= 9; digits++) {
      const short = Number(this.value.toPrecision(digits));
      if (Math.fround(short) === this.value) return short;
    }
    return this.value;
  }
}

/** A page that takes the text for HTML must find none in it. */
const ESCAPED = /[<>&\u2028\u2029]/g;

export function encodeGoJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(ESCAPED, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
