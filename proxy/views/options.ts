// The options of the dialogue on stdout, which `lonedot proxy` shows. Config files have none of them: several proxies
// in one process have no terminal of their own.
import type { Writable } from 'node:stream';
import { type Paint, paintFor } from '../../src/colour.ts';
import { ChatError } from '../../src/errors.ts';
import type { OptionSources, OptionTable } from '../../src/options.ts';
import { resolveOptions } from '../../src/options.ts';
import type { View } from '../dialogue/dialogue.ts';

const GROUP = 'Dialogue';
/** A terminal gets its share of each turn, and no more. */
const EVENTS_PER_TURN = 500;

export const VIEW_OPTIONS = {
  only: {
    type: 'string',
    example: 'RCPT|DATA',
    describe: 'Show only lines that match this regular expression, and their answers',
    group: GROUP,
  },
  json: {
    type: 'boolean',
    default: false,
    describe: 'Print every event as a line of JSON',
    group: GROUP,
  },
  'body-lines': {
    type: 'integer',
    default: 10,
    describe: 'Lines of a content to show before the rest is folded',
    group: GROUP,
  },
} as const satisfies OptionTable;

export interface ViewOptions {
  readonly only: RegExp | undefined;
  readonly json: boolean;
  readonly bodyLines: number;
}

/** Throws ChatError BAD_OPTION. */
export function resolveView(sources: OptionSources): ViewOptions {
  // A config file has no keys for these.
  const { file: _, ...given } = sources;
  const { only, json, bodyLines } = resolveOptions(VIEW_OPTIONS, given);
  if (only !== undefined && json) throw new ChatError('BAD_OPTION', '--only and --json exclude each other');
  return { only: only === undefined ? undefined : expression(only), json, bodyLines };
}

/** What writes the dialogue to a stream. `isTTY` decides about colour, as do NO_COLOR and FORCE_COLOR. */
export async function createView(
  { only, json, bodyLines }: ViewOptions,
  keepSecrets: boolean,
  stream: Writable,
  isTTY: boolean,
): Promise<View> {
  if (json) {
    const { jsonScribe } = await import('../recording/jsonl.ts');
    return { scribe: jsonScribe(keepSecrets), stream };
  }
  const { TerminalView } = await import('./terminal.ts');
  const paint: Paint = paintFor({ isTTY });
  const scribe = new TerminalView({ paint, keepSecrets, bodyLines, ...(only && { only }) });
  return { scribe, stream, perTurn: EVENTS_PER_TURN };
}

function expression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new ChatError('BAD_OPTION', `--only: ${(error as Error).message}`);
  }
}
