// Events as lines of JSON: what --json prints and what *.jsonl recordings consist of. Bytes are a string with one
// character for each byte (U+0000 to U+00FF), so that protocols of text can be read and nothing is lost.
import type { DialogueEvent } from '../dialogue/event.ts';
import type { PlainFrame } from '../dialogue/journal.ts';
import type { Scribe } from '../dialogue/watcher.ts';

/** What the first line says. */
export const RECORDING = 'lonedot dialogue';
export const VERSION = 1;

/** ASCII without anything that JSON escapes, and CRLF behind it. */
const PLAIN_LINE = /^[ !#-[\]-~]*\r\n$/;

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
    plain: plainLine(header),
    lost: (count) => `${header()}{"type":"lost","events":${count}}\n`,
    end: header,
  };
}

/** Frames of one chunk have most of their fields in common. */
function plainLine(header: () => string): (frame: PlainFrame) => string {
  let [lastConn, lastTime, lastFrom, lastKind, common] = [-1, -1, '', '', ''];
  return ({ seq, conn, time, from, kind, offset, text, terminator }) => {
    if (time !== lastTime || conn !== lastConn || from !== lastFrom || kind !== lastKind) {
      [lastConn, lastTime, lastFrom, lastKind] = [conn, time, from, kind];
      common = `,"conn":${conn},"time":${round(time)},"from":"${from}","kind":"${kind}","offset":`;
    }
    const end = terminator > 0 ? `,"terminator":${terminator}}\n` : '}\n';
    return `${header()}{"type":"frame","seq":${seq}${common}${offset},"bytes":${quoted(text)}${end}`;
  };
}

/** As JSON.stringify() does it, which takes several times as long even where it changes nothing. */
function quoted(text: string): string {
  return PLAIN_LINE.test(text) ? `"${text.slice(0, -2)}\\r\\n"` : JSON.stringify(text);
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
  if (event.effects) line += `,"effects":${JSON.stringify(event.effects)}`;
  return `${line}}\n`;
}

/** Microseconds are as fine as it gets. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
