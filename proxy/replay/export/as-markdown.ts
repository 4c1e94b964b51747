// A recording as Markdown: each connection as it stands in a terminal.
import type { RecordedConnection, Recording } from '../../recording/read.ts';
import { TerminalView } from '../../views/terminal.ts';

export function asMarkdown(recording: Recording, name: string, bodyLines: number): string {
  const { connections, lost } = recording;
  const parts = connections.map((connection) => section(connection, bodyLines));
  const missing = lost > 0 ? `\n${lost} events are missing: the recorder did not keep up.\n` : '';
  return `# ${plain(name)}\n${missing}\n${parts.join('\n')}`;
}

/** `Connection 1: smtp`. */
export function titleOf({ conn, protocol, of }: RecordedConnection): string {
  return `Connection ${conn}: ${protocol}${of === undefined ? '' : `, for connection ${of}`}`;
}

function section(connection: RecordedConnection, bodyLines: number): string {
  const view = new TerminalView({ paint: (_colour, text) => text, bodyLines });
  const text = connection.events.map((event) => view.event(event)).join('');
  // Longer than any that stands in the text.
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `## ${plain(titleOf(connection))}\n\n${fence}text\n${text}${fence}\n`;
}

/** Nothing of it is a mark, an element or a line of its own. */
function plain(text: string): string {
  return text.replace(/[^ -~]/g, '?').replace(/[\\`*_{}[\]<>#|!&]/g, '\\$&');
}
