// Load for mail servers. Where only the rate counts it comes from Postfix's smtp-source, which costs little of the
// machine that it shares with the contestants; the client in smtp-client.mjs is for what that cannot do.
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { smtpSink } from './mail-peers.mjs';
import { findProgram } from './processes.mjs';

/** Seconds that one round should take. */
const ROUND_SECONDS = 0.7;

/** Sends and resolves with the seconds it took. `reuse`: sessions stay open from one message to the next. */
export function send(port, { sessions, messages, bytes, reuse = true }) {
  const flags = ['-s', Math.min(sessions, messages), '-m', messages, '-l', bytes, ...(reuse ? ['-d'] : [])];
  const addresses = ['-f', 'a@bench.test', '-t', 'b@bench.test'];
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const child = spawn(findProgram('smtp-source'), [...flags, ...addresses, `127.0.0.1:${port}`].map(String), {
      stdio: 'ignore',
    });
    const limit = setTimeout(() => child.kill('SIGKILL'), 120_000);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(limit);
      if (code === 0) resolve((performance.now() - begun) / 1000);
      else reject(new Error(`smtp-source failed with ${code}`));
    });
  });
}

/** An upstream that counts: `reached(n)` resolves when it has taken so many messages. */
export async function countingUpstream() {
  let count = 0;
  let told = '';
  let waiting = null;
  const sink = await smtpSink({
    output: (text) => {
      // Counters one behind the other, the last of them perhaps cut.
      told = (told + text).slice(-200);
      const last = [...told.matchAll(/mesg=(\d+)\r/g)].at(-1);
      if (last) count = Number(last[1]);
      if (waiting && count >= waiting.goal) waiting.resolve();
    },
  });
  return {
    port: sink.port,
    stop: sink.stop,
    get count() {
      return count;
    },
    reached: (goal) =>
      new Promise((resolve, reject) => {
        const limit = setTimeout(() => reject(new Error(`the upstream got ${count} of ${goal} messages`)), 120_000);
        waiting = { goal, resolve: () => resolve(clearTimeout(limit)) };
        if (count >= goal) waiting.resolve();
      }),
  };
}

/** Messages for one round: as many as this contestant takes in the time, from the rate that it just had. */
export const fitted = (rate, { least, most }) => Math.round(Math.min(most, Math.max(least, rate * ROUND_SECONDS)));
