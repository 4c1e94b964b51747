// The fixtures in test/transcripts: dialogues in the notation of runTranscript() (src/transcript.ts), with what the
// dialogue alone cannot say in lines that begin with `#!`:
//   #! line-endings normalise      the policy; strict without it
//   #! limits maxErrors=4          limits of the session
//   #! stored S: t\r\n             a message that is stored, without our trace line; none of these: nothing is stored
//   #! senders a@x.example         the senders of the stored messages
// and, as in the corpus, HELLO (EHLO and its answer), ENV (HELLO, MAIL, RCPT) and D (ENV, DATA up to the 354) as lines
// of their own. Recipients called `refused` are refused.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LinePolicy } from '../../../src/lines.ts';
import { runTranscript } from '../../../src/testing.ts';
import type { Transport } from '../../../src/transport.ts';
import { turn } from '../../support/within.ts';
import { Scene } from './sessions.ts';

// Compiled tests run from another directory; the fixtures stay where they are.
const ROOT = import.meta.dirname.replace(/([\\/])build[\\/]test[\\/]relay[\\/]support$/, '$1test/relay/support');
const DIRECTORY = join(ROOT, '../../transcripts');

export interface Fixture {
  /** `E17`: the row of the corpus. */
  readonly row: string;
  readonly title: string;
  readonly text: string;
  readonly lineEndings: LinePolicy;
  readonly limits: Readonly<Record<string, number>>;
  readonly stored: readonly string[];
  readonly senders: readonly string[] | null;
}

export function fixtures(): Fixture[] {
  return readdirSync(DIRECTORY)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => parseFixture(name, readFileSync(join(DIRECTORY, name), 'latin1')));
}

/** Plays the dialogue over a connection of this scene; gives what was stored. */
export async function play(
  fixture: Fixture,
  scene: Scene,
  connect: () => Transport | Promise<Transport>,
): Promise<string[]> {
  await runTranscript(await expand(fixture.text), connect, { deadlineMs: 4000 });
  return scene.bodies;
}

export function sceneFor({ lineEndings, limits }: Fixture): Scene {
  return new Scene({
    lineEndings,
    limits,
    route: (address) =>
      address.startsWith('refused@') ? { code: 550, status: '5.1.1', text: 'Nobody of that name' } : 'relay',
  });
}

/** A transport that hands over each write in pieces: cut at one place, or, at 0, byte by byte. */
export class CuttingTransport implements Transport {
  readonly remote: string;
  longestWrite = 0;
  private readonly inner: Transport;
  private readonly cut: number;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(inner: Transport, cut: number) {
    this.inner = inner;
    this.cut = cut;
    this.remote = inner.remote;
  }

  write(bytes: Uint8Array): boolean {
    this.longestWrite = Math.max(this.longestWrite, bytes.length);
    const size = this.cut || 1;
    const ends = this.cut === 0 ? bytes.length : 1;
    let from = 0;
    for (let i = 0; i < ends && from + size < bytes.length; i++) {
      this.later(bytes.subarray(from, from + size));
      from += size;
    }
    this.later(bytes.subarray(from));
    return true;
  }

  end(): void {
    this.queue = this.queue.then(() => this.inner.end());
  }

  destroy(error?: Error): void {
    this.inner.destroy(error);
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  on: Transport['on'] = (event, listener) => this.inner.on(event, listener);

  private later(piece: Uint8Array): void {
    this.queue = this.queue.then(() => {
      this.inner.write(Buffer.from(piece));
      return turn();
    });
  }
}

function parseFixture(name: string, source: string): Fixture {
  const told = [...source.matchAll(/^#! (\S+) ?(.*)$/gm)];
  const all = (key: string): string[] => told.filter(([, k]) => k === key).map(([, , value]) => value!);
  const known = ['line-endings', 'limits', 'stored', 'senders'];
  for (const [, key] of told) if (!known.includes(key!)) throw new Error(`${name}: unknown #! ${key}`);
  const limits = all('limits').flatMap((value) => value.split(' '));
  return {
    row: /^[A-Z]\d+/.exec(name)![0].replace(/^([A-Z])0/, '$1'),
    title: `${name.slice(0, -4)}: ${/^# \S+ (.*)$/m.exec(source)![1]}`,
    text: source,
    lineEndings: (all('line-endings')[0] ?? 'strict') as LinePolicy,
    limits: Object.fromEntries(limits.map((one) => [one.split('=')[0]!, Number(one.split('=')[1])])),
    stored: all('stored').map(unescaped),
    senders: all('senders')[0]?.split(' ') ?? null,
  };
}

function unescaped(text: string): string {
  const letters: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '\\': '\\' };
  return text.replace(/\\(?:x([\dA-Fa-f]{2})|(.))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? letters[letter]! : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** What EHLO answers is another test's business: here it is asked, so that a new keyword changes no fixture. */
async function expand(text: string): Promise<string> {
  const keywords = (await (await new Scene().greeted()).say('EHLO c.example')).split('\n');
  const hello = ['C: EHLO c.example', ...keywords.map((line) => `S: ${line}`)];
  const envelope = [...hello, 'C: MAIL FROM:<a@x.example>', 'S: 250 *', 'C: RCPT TO:<b@x.example>', 'S: 250 *'];
  const data = [...envelope, 'C: DATA', 'S: 354 *'];
  const macros: Readonly<Record<string, readonly string[]>> = { HELLO: hello, ENV: envelope, D: data };
  return text
    .split('\n')
    .flatMap((line) => macros[line] ?? [line])
    .join('\n');
}
