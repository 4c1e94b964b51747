// A dialogue as text: `C: ` and `S: ` lines as in runTranscript(), each connection with its number where there are several.
import type { DialogueEvent, FrameEvent, SideName } from '../proxy/dialogue/event.ts';
import { Lines } from './lines.ts';

/** Nothing that a terminal would obey; what is no ASCII as `\xHH`. */
export function escaped(text: string): string {
  return text.replaceAll(/[^ -~]/g, (c) =>
    c === '\t'
      ? '\\t'
      : c === '\r'
        ? '\\r'
        : c === '\n'
          ? '\\n'
          : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** One line each; empty when nothing was said. */
export function transcriptOf(events: readonly DialogueEvent[]): string {
  const several = new Set(events.map(({ conn }) => conn).filter((conn) => conn > 0)).size > 1;
  const lines: string[] = [];
  const pieces = new Lines();
  for (const event of events) {
    const number = several ? `${event.conn} ` : '';
    const say = (from: SideName, text: string): void =>
      void lines.push(`${number}${from === 'client' ? 'C' : 'S'}${text}`);
    if (event.type === 'end') say(event.from, ':close');
    if (event.type === 'close' && event.error !== '') lines.push(`${number}# ${event.error}`);
    if (event.type === 'note') lines.push(`${number}# ${event.text}`);
    if (event.type === 'finding') lines.push(`${number}# ! ${event.check}: ${event.text}`);
    if (event.type === 'frame') for (const line of linesOf(event, pieces)) say(event.from, `: ${line}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

function linesOf(event: FrameEvent, lines: Lines): string[] {
  const { effects = [] } = event;
  const mark = effects.length > 0 ? `   # ${effects.join(', ')}` : '';
  const all = lines.of(event);
  // The line behind the last end of a content is none.
  if (event.kind === 'body' && all.at(-1) === '') all.pop();
  return all.map((line) => escaped(line) + mark);
}
