// A log that keeps its records, for tests that claim that something was told to the operator, or was not.
import type { Log, LogFields, LogLevel } from '../../../src/log.ts';

export interface LoggedRecord {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

export class RecordingLog implements Log {
  readonly records: LoggedRecord[] = [];

  error = (event: string, fields: LogFields = {}): void => this.add('error', event, fields);
  warn = (event: string, fields: LogFields = {}): void => this.add('warn', event, fields);
  info = (event: string, fields: LogFields = {}): void => this.add('info', event, fields);
  debug = (event: string, fields: LogFields = {}): void => this.add('debug', event, fields);
  child = (): Log => this;
  flush = (): Promise<void> => Promise.resolve();

  of(event: string): LoggedRecord[] {
    return this.records.filter((record) => record.event === event);
  }

  levels(event: string): LogLevel[] {
    return this.of(event).map(({ level }) => level);
  }

  private add(level: LogLevel, event: string, fields: LogFields): void {
    this.records.push({ level, event, fields });
  }
}
