// `lonedot queue nodes`: the processes that share one database, and whether all is well with them.
import type { NodeView, Store } from '../../relay/store/store.ts';
import { paintFor } from '../../src/colour.ts';
import { escapeControls } from '../../src/redact.ts';
import { print } from '../output.ts';
import { type Cell, columns, shortDuration } from './queue-text.ts';

/** Nodes say every five seconds that they live. */
const LATE_MS = 15_000;
/** A lease lasts fifteen seconds: with clocks this far apart a node takes the mail of another that is at it. */
const CLOCK_MS = 5_000;
const HEADINGS = ['HOST', 'PID', 'VERSION', 'UP', 'SEEN', 'CLOCK', 'NODE'];

/** Resolves with the exit code: 1 when a node is gone or its clock is wrong. */
export async function showNodes(store: Store, isJson: boolean): Promise<number> {
  const nodes = (await store.nodes?.()) ?? null;
  if (isJson) await print((nodes ?? []).map((node) => `${JSON.stringify(node)}\n`).join(''));
  else if (nodes === null)
    await print('The database is a file: it has one node at a time, which is not written down.\n');
  else if (nodes.length === 0) await print('No node is running.\n');
  else {
    const rows = nodes.map(rowOf);
    const headings = HEADINGS.map(
      (text, i): Cell => ({ text, colour: 'dim', ...(rows[0]![i]!.align ? { align: 'right' } : {}) }),
    );
    await print(`${columns([headings, ...rows], process.stdout.columns, paintFor(process.stdout)).join('\n')}\n`);
  }
  return (nodes ?? []).some((node) => isLate(node) || isClockWrong(node)) ? 1 : 0;
}

function rowOf(node: NodeView): Cell[] {
  const { id, host, pid, version, upMs, unseenMs, clockAheadMs } = node;
  const seen = isLate(node)
    ? `gone or standing still for ${shortDuration(unseenMs)}`
    : `${shortDuration(unseenMs)} ago`;
  const clock = `${clockAheadMs < 0 ? '-' : '+'}${(Math.abs(clockAheadMs) / 1000).toFixed(1)}s`;
  return [
    { text: escapeControls(host) },
    { text: String(pid), align: 'right' },
    { text: escapeControls(version) },
    { text: shortDuration(upMs), align: 'right' },
    { text: seen, colour: isLate(node) ? 'red' : undefined },
    { text: clock, colour: isClockWrong(node) ? 'red' : undefined, align: 'right' },
    { text: escapeControls(id), colour: 'dim' },
  ];
}

function isLate({ unseenMs }: NodeView): boolean {
  return unseenMs > LATE_MS;
}

function isClockWrong({ clockAheadMs }: NodeView): boolean {
  return Math.abs(clockAheadMs) > CLOCK_MS;
}
