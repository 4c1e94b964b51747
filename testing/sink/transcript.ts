// The dialogue of a session as a test reads and prints it.
import type { TranscriptLine } from '../../relay/inbox/transcript.ts';
import { escapeControls } from '../../src/redact.ts';

export interface Transcript {
  /** The mail that came in it; null for a session that brought none. */
  readonly mailId: string | null;
  readonly lines: readonly TranscriptLine[];
  /** `C: ` the client, `S: ` the server, `# ` anything else; a line each. Secrets are masked. */
  readonly text: string;
}

const MARKS: Readonly<Record<TranscriptLine['from'], string>> = { client: 'C: ', server: 'S: ', note: '# ' };

export function transcriptFrom(lines: readonly TranscriptLine[], mailId: string | null): Transcript {
  return { mailId, lines, text: lines.map(({ from, text }) => `${MARKS[from]}${escapeControls(text)}\n`).join('') };
}
