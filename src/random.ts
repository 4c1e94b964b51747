// Chance from a seed: the same seed gives the same numbers, everywhere and for ever. Not for secrets.

/** Mulberry32. Each call of what it returns gives the next number, from 0 up to but without 1. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
