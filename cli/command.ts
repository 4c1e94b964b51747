// What a command is, and the list of them. The list knows one line of each; the rest is loaded when it is wanted.
import type { Log } from '../src/log.ts';
import type { OptionSources, OptionTable } from '../src/options.ts';
import type { Arguments } from './arguments.ts';
import type { Config } from './config.ts';
import type { Manner } from './options.ts';
import type { Services } from './services.ts';

export interface Command {
  /** What stands behind `lonedot`: 'relay --upstream URL [options]'. */
  readonly usage: string;
  readonly description: string;
  readonly examples: readonly (readonly [commandLine: string, what: string])[];
  /** Its own options, without those that every command has. */
  readonly table: OptionTable;
  /** Ends its --help where not each option is also a variable and a key of the config file. */
  readonly note?: string;
  /** Set when the command is about a config file and cannot do without. */
  readonly needsConfig?: true;
  /** Instead of the usual reader, for a command line that others have defined; undefined when help is wanted. */
  readonly readArguments?: (table: OptionTable, args: readonly string[]) => Arguments | undefined;
  /** Instead of 1 and 2, for a command whose exit codes others have defined. */
  readonly exitCodeOf?: (error: unknown) => number;
  run(context: Context): Promise<number>;
}

/** Everything that a command is given. */
export interface Context {
  /** Flags and variables. */
  readonly sources: OptionSources;
  readonly config: Config | undefined;
  /** Reads the config file once more; undefined when there is none. Throws BAD_OPTION. */
  reread(): Promise<Config | undefined>;
  readonly services: Services;
  readonly log: Log;
  readonly manner: Manner;
}

interface CommandEntry {
  readonly summary: string;
  load(): Promise<Command>;
}

/** Without a command, `lonedot` is a sink. */
export const DEFAULT_COMMAND = 'sink';

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  sink: {
    summary: 'Catch all mail and show it; deliver nothing (also without a command)',
    load: async () => (await import('./commands/sink.ts')).sink,
  },
  relay: {
    summary: 'Accept mail, store it, pass it on',
    load: async () => (await import('./commands/relay.ts')).relay,
  },
  proxy: {
    summary: 'Stand between a client and a server, line by line',
    load: async () => (await import('./commands/proxy.ts')).proxy,
  },
  replay: {
    summary: 'Play what the proxy has recorded, as the client or as the server',
    load: async () => (await import('./commands/proxy-replay.ts')).replay,
  },
  proxies: {
    summary: 'Break connections on order: a server with the HTTP API of Toxiproxy',
    load: async () => (await import('./commands/proxies.ts')).proxies,
  },
  serve: {
    summary: 'Run everything that a config file names',
    load: async () => (await import('./commands/serve.ts')).serve,
  },
  sendmail: {
    summary: 'Send the mail on standard input, as /usr/sbin/sendmail would',
    load: async () => (await import('./commands/sendmail.ts')).sendmail,
  },
  ingest: {
    summary: 'Take mail out of .eml files, mboxes and Maildirs into an inbox',
    load: async () => (await import('./commands/ingest.ts')).ingest,
  },
  export: {
    summary: 'Write the mail of an inbox to .eml files, or to an mbox',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  mcp: {
    summary: 'Show the inbox to language models, over the Model Context Protocol',
    load: async () => (await import('./commands/mcp.ts')).mcp,
  },
  user: {
    summary: 'Look after the users who may log in',
    load: async () => (await import('./commands/user.ts')).user,
  },
  check: {
    summary: 'Validate a config file and print what serve would do',
    load: async () => (await import('./commands/check.ts')).check,
  },
  queue: {
    summary: 'See and steer the mail of a relay',
    load: async () => (await import('./commands/queue.ts')).queue,
  },
};
