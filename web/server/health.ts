// For supervisors: /livez and /healthz say that the process answers, /readyz that mail sent to it now would be safe:
// the store can be written, the disk has room, and the queue is not older than the operator allows.
import type { Clock } from '../../src/clock.ts';
import type { Handler, Web } from './context.ts';

const READY_MS = 2_000;

export const livez: Handler = (c) => c.text('ok\n');

export const readyz: Handler = async (c, web) => {
  try {
    const trouble = await within(troubleOf(web), READY_MS, web.clock);
    return trouble === null ? c.text('ok\n') : c.text(`${trouble}\n`, 503);
  } catch (error) {
    web.log.warn('web.not_ready', { error });
    return c.text('the store failed; see the log of the server\n', 503);
  }
};

async function troubleOf({ store, space, clock, options }: Web): Promise<string | null> {
  const { readyQueueAge } = options;
  await store.check();
  if (space.minFree > 0 && (await space.look()) < space.minFree) return 'the disk is nearly full';
  if (readyQueueAge === 0) return null;
  const { oldestWaiting } = await store.counts();
  const isOld = oldestWaiting !== null && clock.now() - oldestWaiting > readyQueueAge;
  return isOld ? 'the oldest mail in the queue waits for longer than it may' : null;
}

async function within<T>(answer: Promise<T>, ms: number, clock: Clock): Promise<T | string> {
  let timer: unknown;
  const late = new Promise<string>((resolve) => {
    timer = clock.setTimeout(() => resolve(`the store did not answer within ${ms / 1000} s`), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clock.clearTimeout(timer);
  }
}
