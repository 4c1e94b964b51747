// The options of `lonedot replay`.
import { formatAddress } from '../../src/address.ts';
import { ChatError } from '../../src/errors.ts';
import type { OptionSources, OptionTable, OptionValues } from '../../src/options.ts';
import { resolveOptions } from '../../src/options.ts';

export const REPLAY_OPTIONS = {
  file: {
    type: 'path',
    positional: true,
    required: true,
    describe: 'A recording: what lonedot proxy --record FILE.jsonl has written',
  },
  to: {
    type: 'address',
    describe: 'Play the clients to this server: host:port or unix:/path',
  },
  serve: {
    type: 'address',
    describe: 'Play the server at this address: [host:]port or unix:/path',
  },
  export: {
    type: 'path',
    describe: 'Write it as a test (*.test.ts), as Markdown (*.md) or as a page (*.html), secrets masked',
  },
  diff: {
    type: 'boolean',
    default: false,
    describe: 'Show only what the other side says differently, times and identifiers left out',
  },
  timing: {
    type: 'boolean',
    default: false,
    describe: 'Keep the pauses of the recording',
  },
  timeout: {
    type: 'duration',
    min: '1ms',
    default: '10s',
    describe: 'How long the other side may take for its next message',
  },
} as const satisfies OptionTable;

/** What a recording can be written as, by the end of the file's name. */
const EXPORT_FORMS = ['.test.ts', '.md', '.html'] as const;
export type ExportForm = (typeof EXPORT_FORMS)[number];

export function formOf(file: string): ExportForm | undefined {
  return EXPORT_FORMS.find((form) => file.endsWith(form));
}

export type ReplayValues = OptionValues<typeof REPLAY_OPTIONS>;

/** Throws ChatError BAD_OPTION. */
export function resolveReplay(sources: OptionSources): ReplayValues {
  const options = resolveOptions(REPLAY_OPTIONS, sources);
  const { to, serve, export: file } = options;
  if ([to, serve, file].filter((one) => one !== undefined).length !== 1)
    throw new ChatError('BAD_OPTION', 'one of --to, --serve and --export is needed');
  if (file !== undefined && formOf(file) === undefined)
    throw new ChatError(
      'BAD_OPTION',
      `--export: ${file} is none of ${EXPORT_FORMS.map((form) => `*${form}`).join(', ')}`,
    );
  if (to?.kind === 'fd' || (to?.kind === 'tcp' && to.port === 0)) {
    throw new ChatError('BAD_OPTION', `--to: ${formatAddress(to)} is nothing to connect to`);
  }
  return options;
}
