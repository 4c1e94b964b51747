// From start to stop: signals, reloading, draining, and the end of a program with a bug. Besides lonedot.ts the only file that
// calls process.exit, where waiting is what the user no longer wants or what cannot be trusted any more.
import { ChatError } from '../src/errors.ts';
import type { Log } from '../src/log.ts';
import type { Context } from './command.ts';
import type { Config } from './config.ts';
import { describeFailure } from './failure.ts';
import type { Manner } from './options.ts';
import { type Plan, type Started, startAll } from './plan.ts';

/** A stop that takes longer than its own drain limit by this much hangs. */
const STOP_GRACE_MS = 5000;

/**
 * Starts what `plan` makes of the config file and runs it until SIGTERM or SIGINT; the result is the exit code. On
 * SIGHUP the file is read once more, and what runs takes over what it can.
 */
export async function runPlans(
  context: Context,
  plan: (config: Config | undefined) => readonly Plan[],
): Promise<number> {
  const { log, manner, services } = context;
  const plans = plan(context.config);
  let started: Started | undefined;
  const reload = async (): Promise<void> => {
    try {
      const restarts = await started?.reload(plan(await context.reread()));
      log.info('program.reloaded', restarts?.length ? { needRestart: restarts } : {});
    } catch (error) {
      log.error('program.reload_failed', { error, effect: 'the options stay as they were' });
    }
  };
  // From here on, before anything is open: a signal that comes during the start is a stop as well.
  const stopRequested = nextSignal(reload);
  started = await startAll(plans, services, log);
  await announce(started, log, manner);
  const signal = await stopRequested;
  log.debug('program.stopping', { signal, drainMs: started.drainMs });
  const overdue = setTimeout(() => {
    const late = new ChatError('TIMED_OUT', `not stopped ${STOP_GRACE_MS / 1000} s after the drain limit`);
    process.stderr.write(describeFailure(late, manner));
    process.exit(1);
  }, started.drainMs + STOP_GRACE_MS);
  await started.stop();
  clearTimeout(overdue);
  await log.flush();
  return started.exitCode?.() ?? 0;
}

async function announce(started: Started, log: Log, manner: Manner): Promise<void> {
  if (manner.level === 'error') return;
  try {
    const { printStarted } = await import('./announce.ts');
    await printStarted(started, manner);
  } catch (error) {
    // A full disk behind stdout is no reason to refuse mail.
    log.warn('program.stdout-failed', { error });
  }
}

/** The first signal asks to stop; the second ends the program where it stands. */
function nextSignal(reload: () => Promise<void>): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) process.exit(1);
      asked = true;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
    // Reloads come one after the other. To a program that sits in a terminal it says that the terminal is gone.
    let turn = Promise.resolve();
    process.on('SIGHUP', (signal) => {
      if (process.stdin.isTTY) onSignal(signal);
      else turn = turn.then(reload);
    });
  });
}

/** A programming error nobody caught: one line, exit code 1. Rejections that nobody handled come here as well. */
export function exitOnBugs(manner: () => Manner): void {
  process.on('uncaughtException', (error: unknown) => {
    // stderr is synchronous for files, terminals and, but for Windows, pipes: the line is out before the exit.
    process.stderr.write(describeFailure(error, manner()));
    process.exit(1);
  });
}
