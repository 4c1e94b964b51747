// For supervisors: /livez says that the process answers, /readyz that the store behind it does too.
import type { Clock } from '../../src/clock.ts';
import type { Handler } from './context.ts';

const READY_MS = 2_000;

export const livez: Handler = (c) => c.text('ok\n');

export const readyz: Handler = async (c, { store, clock, log }) => {
  try {
    const answer = await within(store.counts(), READY_MS, clock);
    return answer === 'late' ? c.text(`the store did not answer within ${READY_MS / 1000} s\n`, 503) : c.text('ok\n');
  } catch (error) {
    log.warn('web.not_ready', { error });
    return c.text('the store failed; see the log of the server\n', 503);
  }
};

async function within<T>(answer: Promise<T>, ms: number, clock: Clock): Promise<T | 'late'> {
  let timer: unknown;
  const late = new Promise<'late'>((resolve) => {
    timer = clock.setTimeout(() => resolve('late'), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clock.clearTimeout(timer);
  }
}
