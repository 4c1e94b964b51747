// A dialogue written down as people read it, played over any transport: `C:` is sent, `S:` is expected.
import { AssertionError } from 'node:assert';
import { type Clock, realClock } from './clock.ts';
import type { Transport } from './transport.ts';

export interface TranscriptOptions {
  /** For the whole dialogue, in milliseconds. Default 2000. */
  deadlineMs?: number;
  /** Default: the machine's clock. */
  clock?: Clock;
}

/**
 * Plays the client of a dialogue and checks the server's lines. `connect` gives the client's end: one of a
 * memoryTransportPair(), or a socketTransport(). Throws AssertionError that shows the dialogue up to the failure.
 *
 *     # empty lines and lines that begin with # say nothing to anybody
 *     S: 220 *             expects a line that begins with `220 `: a `*` at the end stands for anything
 *     C: EHLO client       sends a line, with CRLF; lines that follow each other leave in one write
 *     S: /^250[ -]/        expects a line that matches the regular expression (flags may follow: /.../i)
 *     C: QUIT
 *     S: 221 Bye           expects exactly this line
 *     S:close              expects the end of the server's stream, and nothing before it
 *     C:close              ends the client's stream; the server may go on
 *
 * In `C:` and exact `S:` lines `\r`, `\n`, `\t`, `\\` and `\xHH` stand for those bytes. Each byte is one character
 * (latin1). When the text ends the client's end is destroyed; what the server says behind the last line is ignored.
 */
export async function runTranscript(
  text: string,
  connect: () => Transport | PromiseLike<Transport>,
  options: TranscriptOptions = {},
): Promise<void> {
  const steps = parseTranscript(text);
  const dialogue = new Dialogue(await connect(), options.clock ?? lastingClock, options.deadlineMs ?? 2000);
  try {
    for (const [i, step] of steps.entries()) {
      if (step.kind === 'send') dialogue.send(step, steps[i + 1]?.kind !== 'send');
      else if (step.kind === 'end') dialogue.end(step);
      else await dialogue.expect(step);
    }
  } finally {
    dialogue.destroy();
  }
}

type Step =
  | { kind: 'send'; source: string; bytes: Buffer }
  | { kind: 'end'; source: string }
  | { kind: 'expect'; source: string; matches: (line: string) => boolean }
  | { kind: 'expect-end'; source: string };

function parseTranscript(text: string): Step[] {
  const steps: Step[] = [];
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const source = raw.trimStart();
    if (source === '' || source.startsWith('#')) continue;
    steps.push(parseStep(source, i + 1));
  }
  return steps;
}

function parseStep(source: string, number: number): Step {
  const wrong = (why: string): Error => new SyntaxError(`transcript line ${number}: ${why}: ${source}`);
  if (/^C:close\s*$/.test(source)) return { kind: 'end', source: 'C:close' };
  if (/^S:close\s*$/.test(source)) return { kind: 'expect-end', source: 'S:close' };
  const found = /^([CS]):(?: (.*))?$/.exec(source);
  if (!found) throw wrong('expected `C: `, `S: `, `C:close`, `S:close` or #');
  const [, side, what = ''] = found;
  if (side === 'C') return { kind: 'send', source, bytes: Buffer.from(`${bytesOf(what)}\r\n`, 'latin1') };
  const pattern = /^\/(.+)\/([a-z]*)$/.exec(what);
  if (pattern) {
    try {
      const expression = new RegExp(pattern[1]!, pattern[2]);
      return { kind: 'expect', source, matches: (line) => line.search(expression) !== -1 };
    } catch (error) {
      throw wrong((error as Error).message);
    }
  }
  const line = bytesOf(what.endsWith('*') ? what.slice(0, -1) : what);
  if (what.endsWith('*')) return { kind: 'expect', source, matches: (actual) => actual.startsWith(line) };
  return { kind: 'expect', source, matches: (actual) => actual === line };
}

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '\\': '\\' };

function bytesOf(text: string): string {
  return text.replace(/\\(?:x([0-9A-Fa-f]{2})|([rnt\\]))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? ESCAPES[letter]! : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** One run of a transcript: what was said so far, and what waits for the next line. */
class Dialogue {
  private readonly transport: Transport;
  private readonly clock: Clock;
  private readonly timer: unknown;
  private readonly deadlineMs: number;
  private readonly said: string[] = [];
  private buffered = Buffer.alloc(0);
  private toSend: Buffer[] = [];
  private over: '' | 'the server ended its stream' | 'the deadline passed' | `the connection failed: ${string}` = '';
  private wake: (() => void) | null = null;

  constructor(transport: Transport, clock: Clock, deadlineMs: number) {
    this.transport = transport;
    this.clock = clock;
    this.deadlineMs = deadlineMs;
    this.timer = clock.setTimeout(() => this.finish('the deadline passed'), deadlineMs);
    transport.on('error', (error: Error) => this.finish(`the connection failed: ${error.message}`));
    transport.on('end', () => this.finish('the server ended its stream'));
    transport.on('close', () => this.finish('the server ended its stream'));
    transport.on('data', (chunk: Buffer) => {
      this.buffered = Buffer.concat([this.buffered, chunk]);
      this.wake?.();
    });
  }

  send(step: Step & { kind: 'send' }, last: boolean): void {
    this.said.push(step.source);
    this.toSend.push(step.bytes);
    if (!last) return;
    this.transport.write(Buffer.concat(this.toSend));
    this.toSend = [];
  }

  end(step: Step): void {
    this.said.push(step.source);
    this.transport.end();
  }

  async expect(step: Step & { kind: 'expect' | 'expect-end' }): Promise<void> {
    for (;;) {
      const line = this.takeLine();
      if (line !== null) {
        if (step.kind === 'expect' && step.matches(line)) {
          this.said.push(`S: ${escaped(line)}`);
          return;
        }
        throw this.failure(step, `S: ${escaped(line)}`);
      }
      if (this.over === 'the server ended its stream' && step.kind === 'expect-end' && this.buffered.length === 0) {
        this.said.push(step.source);
        return;
      }
      if (this.over !== '') throw this.failure(step, this.whatCame());
      await new Promise<void>((wake) => {
        this.wake = wake;
      });
    }
  }

  destroy(): void {
    this.clock.clearTimeout(this.timer);
    this.transport.destroy();
  }

  private takeLine(): string | null {
    const end = this.buffered.indexOf('\r\n', 0, 'latin1');
    if (end === -1) return null;
    const line = this.buffered.toString('latin1', 0, end);
    this.buffered = this.buffered.subarray(end + 2);
    return line;
  }

  private finish(why: Dialogue['over']): void {
    this.over ||= why;
    this.wake?.();
  }

  private whatCame(): string {
    const why = this.over === 'the deadline passed' ? `nothing within ${this.deadlineMs} ms` : this.over;
    return this.buffered.length === 0 ? why : `S: ${escaped(this.buffered.toString('latin1'))} (no CRLF; ${why})`;
  }

  private failure(step: Step, got: string): AssertionError {
    const before = this.said.map((line) => `    ${line}\n`).join('');
    return new AssertionError({
      message: `the dialogue went another way:\n${before}  expected\n    ${step.source}\n  got\n    ${got}`,
      actual: got,
      expected: step.source,
      operator: 'runTranscript',
    });
  }
}

function escaped(line: string): string {
  return line.replace(/[^ -~]/g, (c) => {
    const letter = Object.keys(ESCAPES).find((key) => ESCAPES[key] === c);
    return letter === undefined ? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}` : `\\${letter}`;
  });
}

/** The real clock's timers let a process end; a dialogue in memory has nothing else that keeps it alive. */
const lastingClock: Clock = {
  ...realClock,
  setTimeout: (run, ms) => setTimeout(run, ms),
};
