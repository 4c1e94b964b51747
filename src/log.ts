// The log: what operators read about what happened. Records go to stderr through winston, which is loaded by the first
// record that is written: a quiet program never loads it. Events are names from a fixed set, facts are fields.
// Not for errors that a caller can handle: those are thrown, and logged once where they are handled.
import type { Writable } from 'node:stream';
import { paintFor } from './colour.ts';
import { escapeControls, redact } from './redact.ts';

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFormat = 'text' | 'json';

export interface Log {
  error(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
  /** A log whose records all carry `fields`. */
  child(fields: LogFields): Log;
  /** Resolves when every record so far was handed to the stream. */
  flush(): Promise<void>;
}

export interface LogOptions {
  /** Records below it cost nothing. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Where to write; stderr unless a test wants to read it. */
  readonly stream?: Writable & { readonly isTTY?: boolean };
}

/** A record that is safe to write: redacted, and fixed at the time of its event. */
export interface LogRecord {
  readonly time: string;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: Record<string, unknown>;
}

const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

/** Says nothing: for tests. */
export const silentLog: Log = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  child: () => silentLog,
  flush: () => Promise.resolve(),
};

export function createLog(options: LogOptions): Log {
  const output = new LogOutput(options);
  return logWith({}, options.level, output);
}

function logWith(bound: LogFields, least: LogLevel, output: LogOutput): Log {
  const writer = (level: LogLevel) =>
    LEVELS[level] > LEVELS[least]
      ? () => {}
      : (event: string, fields: LogFields = {}) => {
          const safe = redact({ ...bound, ...fields }, least === 'debug');
          output.add({ time: new Date().toISOString(), level, event, fields: safe });
        };
  return {
    error: writer('error'),
    warn: writer('warn'),
    info: writer('info'),
    debug: writer('debug'),
    child: (fields) => logWith({ ...bound, ...fields }, least, output),
    flush: () => output.flush(),
  };
}

/** Owns winston: loads it, keeps records while it loads, and knows how many are still on their way. */
class LogOutput {
  readonly #options: LogOptions;
  #early: LogRecord[] = [];
  #write: ((record: LogRecord) => void) | undefined;
  #underway = 0;
  #flushed: (() => void)[] = [];

  constructor(options: LogOptions) {
    this.#options = options;
  }

  add(record: LogRecord): void {
    this.#underway++;
    if (this.#write) this.#write(record);
    // The first record loads winston; those that come meanwhile wait behind it.
    else if (this.#early.push(record) === 1) void this.#load();
  }

  flush(): Promise<void> {
    return this.#underway === 0 ? Promise.resolve() : new Promise((resolve) => this.#flushed.push(resolve));
  }

  async #load(): Promise<void> {
    const { Writable } = await import('node:stream');
    // Out of descriptors nothing can be loaded any more, and that is what the log is to tell.
    const winston = await import('winston').then((module) => module.default).catch(() => null);
    const target = this.#options.stream ?? process.stderr;
    // When the reader of the log is gone there is nobody to tell, and the mail must go on.
    target.on('error', () => {});
    const counted = new Writable({
      decodeStrings: false,
      write: (line: string, _encoding, done) => {
        target.write(line, () => this.#written());
        done();
      },
    });
    const render = this.#options.format === 'json' ? renderJson : textRenderer(target);
    const logger = winston?.createLogger({
      levels: LEVELS,
      level: 'debug',
      format: winston.format.printf(({ record }) => render(record as LogRecord)),
      transports: [new winston.transports.Stream({ stream: counted, eol: '\n' })],
    });
    const write = (record: LogRecord): void => {
      if (logger) logger.log({ level: record.level, message: record.event, record });
      else counted.write(`${render(record)}\n`);
    };
    this.#write = write;
    for (const record of this.#early) write(record);
    this.#early = [];
  }

  #written(): void {
    if (--this.#underway > 0) return;
    for (const resolve of this.#flushed.splice(0)) resolve();
  }
}

/** One JSON object a line; a field cannot replace time, level or event. */
export function renderJson({ time, level, event, fields }: LogRecord): string {
  const fixed = { time, level, event };
  return escapeControls(JSON.stringify({ ...fixed, ...fields, ...fixed }));
}

/** `2026-11-22T08:46:32.123Z info  session.closed id=4711 reply="250 OK"` */
export function textRenderer(
  stream: { readonly isTTY?: boolean },
  env?: NodeJS.ProcessEnv,
): (record: LogRecord) => string {
  const paint = paintFor(stream, env);
  const colours = { error: 'red', warn: 'yellow', info: 'green', debug: 'dim' } as const;
  return ({ time, level, event, fields }) => {
    const facts = Object.entries(fields).map(([key, value]) => ` ${paint('cyan', escapeControls(key))}=${fact(value)}`);
    return `${paint('dim', time)} ${paint(colours[level], level.padEnd(5))} ${escapeControls(event)}${facts.join('')}`;
  };
}

function fact(value: unknown): string {
  const bare = typeof value === 'string' && /^[^\s"'=\\\p{Cc}]+$/u.test(value);
  return escapeControls(bare ? value : JSON.stringify(value));
}
