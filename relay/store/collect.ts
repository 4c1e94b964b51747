// Bytes of long contents lie outside of V8's heap, and V8 lets 64 MB of them gather before it looks which are done
// with: too much for a process that is to stay small. Whoever passes many of them on says now and then that it is time.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After so many pieces of 64 KB it is worth it: 8 MB. */
const COLLECT_PIECES = 128;

/** Of all contents together: ten of 1 MB at a time are as much memory as one of 10 MB. */
let passed = 0;
let collectYoung: (() => void) | null = null;

/** Says that a piece of some content is on its way. Now and then frees what is young and done with: about a millisecond. */
export function piecePassed(): void {
  if (++passed < COLLECT_PIECES) return;
  passed = 0;
  if (collectYoung === null) {
    // The function is made only for contexts that begin while the flag is set; nobody else gets to see it.
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as (options: { type: 'minor' }) => void;
    setFlagsFromString('--no-expose-gc');
    collectYoung = () => gc({ type: 'minor' });
  }
  collectYoung();
}
