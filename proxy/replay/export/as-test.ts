// A recording as the text of a test, which says to a server what the clients said, and compares its answers but for what
// differs by its nature. Secrets are asterisks, or what the environment says they are.
import type { DialogueEvent, FrameEvent } from '../../dialogue/event.ts';
import type { RecordedConnection, Recording } from '../../recording/read.ts';
import { steady } from '../differ.ts';

const INDENT = '      ';
const SECRET = '***';

/** `name`: of the recording, for whoever reads the test. */
export function asTest({ connections }: Recording, name: string): string {
  const secrets = { count: 0 };
  const tests = connections.map((connection) => testOf(connection, secrets));
  const helper =
    secrets.count === 0
      ? ''
      : `
/** Recordings have asterisks in place of secrets: the real ones are SECRET_1 and so on. */
const secret = (number: number, masked: string): string => process.env[\`SECRET_\${number}\`] ?? masked;
`;
  return `// What was said in ${comment(name)}, said again to the server at REPLAY_TO (host:port): made by \`lonedot replay --export\`.
// For mocha and for node --test. <date>, <time>, <address>, <id> and <number> stand for whatever is such a thing.
import * as nodeTest from 'node:test';
import { talkTo } from 'lonedot/testing';

const { describe, it } = 'describe' in globalThis ? (globalThis as unknown as typeof nodeTest) : nodeTest;
const to = process.env.REPLAY_TO;
if (!to) throw new Error('REPLAY_TO is not set: host:port of the server to talk to');
${helper}
describe(${literal(name)}, () => {
${tests.join('\n')}});
`;
}

function testOf({ conn, protocol, of, events }: RecordedConnection, secrets: { count: number }): string {
  if (of !== undefined)
    return `  // Connection ${conn} has carried data for connection ${of}: it cannot be replayed by itself.\n`;
  const steps = new Steps(protocol, secrets);
  for (const event of events) if (!steps.add(event)) break;
  const body = steps.done().map((step) => `${INDENT}${step}\n`);
  return `  it('connection ${conn}: ${comment(protocol)}', async () => {
    const talk = await talkTo(to, { protocol: ${literal(protocol)} });
    try {
${body.join('')}    } finally {
      talk.close();
    }
  });
`;
}

/** The statements of one connection. */
class Steps {
  private readonly protocol: string;
  private readonly secrets: { count: number };
  private readonly steps: string[] = [];
  /** What the client says in one go, as expressions; and what the server does until its message is whole. */
  private saying: string[] = [];
  private heard = '';

  constructor(protocol: string, secrets: { count: number }) {
    this.protocol = protocol;
    this.secrets = secrets;
  }

  /** False when nothing behind it can be replayed. */
  add(event: DialogueEvent): boolean {
    if (event.type === 'frame') {
      if ((event.kind === 'tls' || event.kind === 'raw') && this.protocol !== 'raw') {
        this.flush();
        this.steps.push(
          '// What was said next was not understood when it was recorded (TLS?), and cannot be replayed.',
        );
        return false;
      }
      if (event.from === 'client') this.says(event);
      else this.hears(event);
    } else if (event.type === 'end') {
      this.flush();
      this.steps.push(event.from === 'client' ? 'talk.ends();' : 'await talk.over();');
    }
    return true;
  }

  done(): string[] {
    this.flush();
    return this.steps;
  }

  private says({ bytes, secret }: FrameEvent): void {
    this.flushHeard();
    if (!secret || secret.to <= secret.from) return void this.saying.push(...literals(bytes));
    const [before, hidden, behind] = [
      bytes.subarray(0, secret.from),
      '*'.repeat(secret.to - secret.from),
      bytes.subarray(secret.to),
    ];
    this.saying.push(...literals(before), `secret(${++this.secrets.count}, ${literal(hidden)})`, ...literals(behind));
  }

  private hears({ bytes, secret, more, part }: FrameEvent): void {
    this.flushSaying();
    const text = bytes.toString('latin1');
    this.heard += secret ? text.slice(0, secret.from) + SECRET + text.slice(secret.to) : text;
    // Of raw bytes nobody knows where a message ends: what came until somebody else spoke is one.
    if (!more && !part && this.protocol !== 'raw') this.flushHeard();
  }

  private flush(): void {
    this.flushSaying();
    this.flushHeard();
  }

  private flushSaying(): void {
    const { saying } = this;
    this.saying = [];
    if (saying.length > 0) this.steps.push(`talk.says(${joined(saying)});`);
  }

  private flushHeard(): void {
    const { heard } = this;
    this.heard = '';
    if (heard === '') return;
    const shown = steady(heard);
    // Where a placeholder would be taken for something else the words stand as they were: they are compared the same.
    const text = steady(shown) === shown ? shown : heard;
    this.steps.push(`await talk.hears(${joined(literals(Buffer.from(text, 'latin1')))});`);
  }
}

/** One literal a line. */
function literals(bytes: Buffer): string[] {
  return (bytes.toString('latin1').match(/[^\n]*\n|[^\n]+$/g) ?? []).map(literal);
}

function joined(expressions: readonly string[]): string {
  if (expressions.length === 1) return expressions[0]!;
  return `\n${INDENT}  ${expressions.join(` +\n${INDENT}  `)},\n${INDENT}`;
}

/** A string in TypeScript: nothing in it can end it, or be taken for code. */
function literal(text: string): string {
  const names: Readonly<Record<string, string>> = { '\r': '\\r', '\n': '\\n', '\t': '\\t', "'": "\\'", '\\': '\\\\' };
  const escaped = text.replace(
    /[^ -~]|['\\]/g,
    (c) => names[c] ?? (c > 'ÿ' ? `\\u{${c.codePointAt(0)!.toString(16)}}` : `\\x${hex(c)}`),
  );
  return `'${escaped}'`;
}

function hex(c: string): string {
  return c.charCodeAt(0).toString(16).padStart(2, '0');
}

/** For a line of comment, and a name in quotes. */
function comment(text: string): string {
  return text.replace(/[^ -~]|['\\]/g, '?');
}
