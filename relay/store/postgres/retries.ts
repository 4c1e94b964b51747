// Doing again what failed for reasons that pass.

import { setTimeout as pause } from 'node:timers/promises';
import { StoreError, type Trouble } from './connections.ts';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 500;

/** Runs `work` until it succeeds, fails for another reason than these troubles, or the time is over. */
export async function retried<T>(ms: number, troubles: readonly Trouble[], work: () => Promise<T>): Promise<T> {
  const end = performance.now() + ms;
  let wait = FIRST_WAIT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const mayPass = error instanceof StoreError && troubles.includes(error.trouble);
      if (!mayPass || performance.now() + wait >= end) throw error;
      await pause(wait * (0.5 + Math.random() / 2));
      wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    }
  }
}
