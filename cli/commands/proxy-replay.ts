// `lonedot replay FILE`: a recording of the proxy, played to a server or to clients.
import type { View } from '../../proxy/dialogue/dialogue.ts';
import type { RecordedConnection, Recording } from '../../proxy/recording/read.ts';
import { REPLAY_OPTIONS, type ReplayValues, resolveReplay } from '../../proxy/replay/options.ts';
import type { Played } from '../../proxy/replay/player.ts';
import { createView, resolveView, VIEW_OPTIONS, type ViewOptions } from '../../proxy/views/options.ts';
import { formatAddress } from '../../src/address.ts';
import type { Command, Context } from '../command.ts';
import { runPlans } from '../lifecycle.ts';
import { print } from '../output.ts';
import type { Plan } from '../plan.ts';
import { eventOutput } from '../proxy-output.ts';

export const replay: Command = {
  usage: 'replay FILE (--to ADDRESS | --serve ADDRESS | --export FILE) [options]',
  description:
    'Plays a recording: its clients to a server, or its server to clients; or writes it as something else. The exit code of --to is 1 when it could not be played to its end, or when --diff has found something.',
  examples: [
    ['lonedot replay mail.jsonl --to localhost:2525', 'say again what the clients said'],
    ['lonedot replay mail.jsonl --to localhost:2525 --diff', 'what does a new version answer differently?'],
    ['lonedot replay imap.jsonl --serve 1143', 'a server that says what it said before'],
    ['lonedot replay mail.jsonl --export mail.test.ts', 'a test that says it again; also mail.md, mail.html'],
  ],
  table: { ...REPLAY_OPTIONS, ...VIEW_OPTIONS },
  run: async (context) => {
    const options = resolveReplay(context.sources);
    const view = resolveView(context.sources);
    const { readRecording } = await import('../../proxy/recording/read.ts');
    const recording = await readRecording(options.file);
    if (options.export !== undefined) return writeAs(options.export, options, recording, view);
    warn(context, options, recording);
    const isShown = !options.diff && context.manner.level !== 'error';
    const views = isShown ? [await createView(view, false, eventOutput(), process.stdout.isTTY === true)] : [];
    return options.to
      ? playTo(options, recording, views)
      : runPlans(context, () => [planServe(options, recording, views)]);
  },
};

function warn({ log }: Context, { file }: ReplayValues, { secretsAreKept, lost, connections }: Recording): void {
  const hasSecrets = connections.some(({ events }) => events.some((event) => event.type === 'frame' && event.secret));
  if (!secretsAreKept && hasSecrets)
    log.warn('replay.masked', { file, effect: 'asterisks are said in place of secrets' });
  if (lost > 0) log.warn('replay.incomplete', { file, lost });
  const data = connections.filter(({ of }) => of !== undefined).length;
  if (data > 0) log.warn('replay.data', { file, skipped: data, effect: 'data connections of FTP are not played' });
}

async function writeAs(
  to: string,
  { file }: ReplayValues,
  recording: Recording,
  { bodyLines }: ViewOptions,
): Promise<number> {
  const { exportRecording } = await import('../../proxy/replay/export/export.ts');
  await exportRecording(recording, file, to, bodyLines);
  await print(`${to}: ${recording.connections.length} connections of ${file}\n`, process.stderr);
  return 0;
}

async function playTo(options: ReplayValues, recording: Recording, views: readonly View[]): Promise<number> {
  const [{ replayTo }, { report }] = await Promise.all([
    import('../../proxy/replay/replay.ts'),
    import('../../proxy/replay/report.ts'),
  ]);
  const { timeout, timing, diff } = options;
  const results: [RecordedConnection, Played][] = [];
  await replayTo(recording, options.to!, {
    ...{ timeout, timing, views },
    played: (connection, played) => void results.push([connection, played]),
  });
  const { text, differs } = report(results, diff);
  await print(text, diff ? process.stdout : process.stderr);
  return differs ? 1 : 0;
}

function planServe(options: ReplayValues, recording: Recording, views: readonly View[]): Plan {
  const { file, timeout, timing, diff } = options;
  const fact = (address: string) => ({
    section: 'replay',
    label: 'replay',
    text: `${address}  ${recording.connections.length} connections of ${file}`,
    event: 'listening',
    fields: { service: 'replay', address, file },
  });
  return {
    section: 'replay',
    options,
    listens: [options.serve!],
    facts: [fact(formatAddress(options.serve!))],
    start: async (_services, log) => {
      const [{ replayServe }, { report }] = await Promise.all([
        import('../../proxy/replay/replay.ts'),
        import('../../proxy/replay/report.ts'),
      ]);
      const server = await replayServe(recording, options.serve!, log, {
        ...{ timeout, timing, views },
        played: (connection, played) => void print(report([[connection, played]], diff).text),
      });
      return {
        facts: [fact(server.listen)],
        smtp: undefined,
        drainMs: 0,
        reload: () => Promise.resolve([]),
        stop: () => server.stop(),
      };
    },
  };
}
