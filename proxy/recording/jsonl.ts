// Events as lines of JSON: what --json prints and what *.jsonl recordings consist of. Bytes are a string with one
// character for each byte (U+0000 to U+00FF), so that protocols of text can be read and nothing is lost.
import type { DialogueEvent } from '../dialogue/event.ts';
import type { Scribe } from '../dialogue/watcher.ts';

/** What the first line says. */
export const RECORDING = 'lonedot dialogue';
export const VERSION = 1;

export function jsonScribe(keepSecrets: boolean): Scribe {
  let isFirst = true;
  const header = (): string => {
    if (!isFirst) return '';
    isFirst = false;
    return `${JSON.stringify({ recording: RECORDING, version: VERSION, secrets: keepSecrets ? 'kept' : 'masked' })}\n`;
  };
  return {
    keepSecrets,
    event: (event) => header() + jsonLine(event),
    lost: (count) => `${header()}{"type":"lost","events":${count}}\n`,
    end: header,
  };
}

/** One event. A frame's fields that say nothing are left out. */
export function jsonLine(event: DialogueEvent): string {
  if (event.type !== 'frame') return `${JSON.stringify(event)}\n`;
  const { seq, conn, from, time, offset, kind, bytes, terminator, secret, latency, answers } = event;
  // By hand: there may be half a million of them a second.
  let line = `{"type":"frame","seq":${seq},"conn":${conn},"time":${round(time)},"from":"${from}","kind":"${kind}"`;
  line += `,"offset":${offset},"bytes":${JSON.stringify(bytes.toString('latin1'))}`;
  if (terminator > 0) line += `,"terminator":${terminator}`;
  if (secret) line += `,"secret":[${secret.from},${secret.to}]`;
  if (latency !== null) line += `,"latency":${round(latency)}`;
  if (answers !== null) line += `,"answers":${answers}`;
  if (event.more) line += ',"more":true';
  if (event.part) line += ',"part":true';
  if (event.truncated) line += ',"truncated":true';
  if (event.open) line += ',"open":true';
  return `${line}}\n`;
}

/** Microseconds are as fine as it gets. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
