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

export type ReplayValues = OptionValues<typeof REPLAY_OPTIONS>;

/** Throws ChatError BAD_OPTION. */
export function resolveReplay(sources: OptionSources): ReplayValues {
  const options = resolveOptions(REPLAY_OPTIONS, sources);
  const { to, serve } = options;
  if ((to === undefined) === (serve === undefined))
    throw new ChatError('BAD_OPTION', 'one of --to and --serve is needed');
  if (to?.kind === 'fd' || (to?.kind === 'tcp' && to.port === 0)) {
    throw new ChatError('BAD_OPTION', `--to: ${formatAddress(to)} is nothing to connect to`);
  }
  return options;
}
