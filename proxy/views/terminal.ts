// The dialogue as people read it in a terminal: `C>` and `S<` lines with the connection's number, the time, and how
// long an answer took. Long contents are folded, secrets are three asterisks, nothing reaches the terminal unescaped.
import type { Colour, Paint } from '../../src/colour.ts';
import { escapeControls } from '../../src/redact.ts';
import type { DialogueEvent, FrameEvent } from '../dialogue/event.ts';
import type { Scribe } from '../dialogue/watcher.ts';
import { BodyText } from './body.ts';
import { duration, FAILURE, happening, hasLines, SECRET, visible } from './event-text.ts';
import { RespText } from './resp-text.ts';

export interface TerminalOptions {
  readonly paint: Paint;
  /** Only lines that match, and the answers to such commands. */
  readonly only?: RegExp;
  readonly keepSecrets?: boolean;
  /** Lines of a content before the rest is folded. */
  readonly bodyLines: number;
}

/** Slower answers stand out. */
const SLOW_MS = 1000;
/** Commands that were shown and have no answer yet, per connection. */
const MOST_SHOWN = 1000;

/** What is kept of a direction between its events. */
class Half {
  body: BodyText | null = null;
  readonly resp = new RespText();
}

class Connection {
  readonly client = new Half();
  readonly server = new Half();
  /** Commands that passed the filter. */
  readonly shown = new Set<number>();
}

export class TerminalView implements Scribe {
  readonly keepSecrets: boolean;
  private readonly options: TerminalOptions;
  private readonly connections = new Map<number, Connection>();

  constructor(options: TerminalOptions) {
    this.options = options;
    this.keepSecrets = options.keepSecrets ?? false;
  }

  event(event: DialogueEvent): string {
    const connection = this.connections.get(event.conn) ?? new Connection();
    this.connections.set(event.conn, connection);
    if (event.type === 'frame') return this.frame(event, connection);
    if (event.type === 'close') this.connections.delete(event.conn);
    const [colour, text] = happening(event);
    return this.passes(text) ? this.line(event, null, this.options.paint(colour, `-- ${escapeControls(text)}`)) : '';
  }

  lost(count: number): string {
    // Ends may be among them.
    this.connections.clear();
    return `${this.options.paint('yellow', `-- ${count} events are not shown: they came faster than they could be`)}\n`;
  }

  private frame(event: FrameEvent, connection: Connection): string {
    const half = connection[event.from];
    if (event.kind === 'tls') return this.marked(event, connection, '|', `${event.bytes.length} bytes of TLS`, '');
    // Contents, and whatever has no end that could be waited for.
    const isBody = event.kind === 'body' || event.kind === 'raw' || half.body !== null || hasLines(event);
    if (isBody && !event.truncated) return this.body(event, connection);
    const text = half.resp.frame(event, visible(event, this.keepSecrets));
    if (text === null) return '';
    const open = event.open && !event.truncated ? this.options.paint('dim', ' (no end of line)') : '';
    const mark = open + this.touched(event);
    return this.marked(event, connection, '>', text, mark);
  }

  private body(event: FrameEvent, connection: Connection): string {
    const half = connection[event.from];
    half.body ??= new BodyText(this.options.bodyLines);
    const { body } = half;
    const bytes = event.secret && !this.keepSecrets ? Buffer.from(SECRET) : event.bytes;
    const lines = body.piece(bytes);
    const isOver = !event.more || event.kind === 'raw';
    if (isOver) {
      lines.push(...body.end(event.latency !== null));
      half.body = null;
    }
    // The time that it took stands in its last line.
    const untimed = event.latency === null ? event : { ...event, latency: null };
    const last = lines.length - 1;
    return lines.map((line, i) => this.marked(i < last ? untimed : event, connection, '|', line, '')).join('');
  }

  private marked(event: FrameEvent, { shown }: Connection, sign: '>' | '|', text: string, mark: string): string {
    const { paint } = this.options;
    const isClient = event.from === 'client';
    const arrow = isClient ? `C${sign}` : sign === '|' ? 'S|' : 'S<';
    const isAnswer = event.answers !== null && shown.has(event.answers);
    if (event.latency !== null && event.answers !== null) shown.delete(event.answers);
    if (!this.passes(`${arrow} ${text}`) && !isAnswer) return '';
    if (isClient && this.options.only && shown.size < MOST_SHOWN) shown.add(event.seq);
    const colour: Colour = isClient ? 'cyan' : FAILURE.test(text) ? 'red' : 'green';
    const words = sign === '|' ? paint('dim', text) : text;
    return this.line(event, event.latency, `${paint(colour, arrow)} ${words}${mark}`);
  }

  /** The effects that have touched it. */
  private touched({ effects = [] }: FrameEvent): string {
    return effects.map((effect) => this.options.paint('yellow', `  <- ${escapeControls(effect)}`)).join('');
  }

  private passes(text: string): boolean {
    return this.options.only?.test(text) ?? true;
  }

  private line({ conn, time }: DialogueEvent, latency: number | null, text: string): string {
    const { paint } = this.options;
    const when = clockTime(time);
    const took = latency === null ? '' : duration(latency);
    const column = took.padStart(8);
    return `${String(conn || '').padStart(3)} ${paint('dim', when)} ${latency !== null && latency >= SLOW_MS ? paint('yellow', column) : paint('dim', column)} ${text}\n`;
  }
}

/** In the machine's zone: `08:46:32.123`. */
function clockTime(time: number): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}
