// Dialogues that a profile looks at, written as people read them, and what it should see. In a fixture:
//   # title, with the section of the RFC
//   #! smtp                     the profile
//   C: line / S: line           with CRLF; `\r`, `\n`, `\t`, `\\`, `\xHH` stand for those bytes
//   C> bytes / S> bytes         as they are, without CRLF
//   ---                         and then one line for each event, as `shown` writes it
// Lines of one side that follow each other come in one chunk; tests cut it everywhere.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DialogueEvent, SideName } from '../../../proxy/dialogue/event.ts';
import { Journal } from '../../../proxy/dialogue/journal.ts';
import { Observer } from '../../../proxy/dialogue/observer.ts';
import type { Tap } from '../../../proxy/dialogue/tap.ts';
import type { Profile } from '../../../proxy/profiles/profile.ts';
import { PROFILES } from '../../../proxy/profiles/table.ts';

// Compiled tests run from another directory; the fixtures stay where they are.
const ROOT = import.meta.dirname.replace(/[\\/]build([\\/]test[\\/])/, '$1');
export const DIRECTORY = join(ROOT, 'transcripts');

export interface Burst {
  readonly from: SideName;
  readonly bytes: Buffer;
}

export interface Fixture {
  readonly file: string;
  readonly title: string;
  /** Null: found out. */
  readonly profile: Profile | null;
  readonly bursts: readonly Burst[];
  readonly expected: readonly string[];
}

export function fixtures(): Fixture[] {
  const files = readdirSync(DIRECTORY).filter((name) => name.endsWith('.txt'));
  return files.sort().map((file) => parse(file, readFileSync(join(DIRECTORY, file), 'latin1')));
}

export function parse(file: string, text: string): Fixture {
  const [dialogue = '', expected = ''] = text.split(/^---\n/m);
  const bursts: { from: SideName; bytes: Buffer }[] = [];
  for (const line of dialogue.split('\n')) {
    const found = /^([CS])([:>])(?: (.*))?$/.exec(line);
    if (!found) continue;
    const from = found[1] === 'C' ? 'client' : 'server';
    const bytes = Buffer.from(unescaped(found[3] ?? '') + (found[2] === ':' ? '\r\n' : ''), 'latin1');
    const last = bursts.at(-1);
    if (last?.from === from) last.bytes = Buffer.concat([last.bytes, bytes]);
    else bursts.push({ from, bytes });
  }
  const name = /^#! (\w+)$/m.exec(dialogue)?.[1] ?? '';
  return {
    file,
    title: `${file.slice(0, -4)}: ${/^# (.*)$/m.exec(dialogue)?.[1]}`,
    profile: name === 'auto' ? null : PROFILES[name as keyof typeof PROFILES],
    bursts,
    expected: expected.split('\n').filter((line) => line !== ''),
  };
}

/** What is in the journal after a dialogue. */
export function watch(
  profile: Profile | null,
  chunks: Iterable<Burst>,
  keepSecrets = false,
  tap?: Tap,
): DialogueEvent[] {
  const journal = new Journal({ records: 4096, bytes: 1e9 });
  let time = 1000;
  const observer = new Observer({
    journal,
    conn: 1,
    profile,
    client: 'c',
    upstream: 'h:1',
    now: () => time++,
    ...(tap && { tap }),
  });
  for (const { from, bytes } of chunks) observer.feed(from, bytes);
  observer.close({ bytesUp: 0, bytesDown: 0, error: '' });
  const events: DialogueEvent[] = [];
  for (let seq = journal.oldest; seq < journal.next; seq++) events.push(journal.event(seq, keepSecrets)!);
  return events;
}

/** One line an event: `C command QUIT`, `S reply+ 250-SIZE`, `S reply 250 ok <= QUIT`; pieces joined. */
export function shown(events: readonly DialogueEvent[]): string[] {
  const lines: string[] = [];
  const texts = new Map<number, string>();
  let pieces: Buffer[] = [];
  for (const event of events) {
    if (event.type === 'note') lines.push(`${event.from === 'client' ? 'C' : 'S'} note ${event.text}`);
    if (event.type === 'protocol') lines.push(`${event.from === 'client' ? 'C' : 'S'} looks like ${event.protocol}`);
    if (event.type !== 'frame') continue;
    const { from, kind, part, open, truncated, answers, latency } = event;
    const isRaw = kind === 'raw' || kind === 'tls';
    pieces.push(event.bytes);
    const before = lines.at(-1);
    const who = `${from === 'client' ? 'C' : 'S'} ${kind}`;
    if (event.more && !truncated && !isRaw) continue;
    const whole = Buffer.concat(pieces).toString('latin1');
    const text = escaped(isRaw ? whole : whole.replace(/\r\n$/, ''));
    pieces = [];
    if (isRaw && before?.startsWith(`${who} `)) {
      lines[lines.length - 1] = before + text;
      continue;
    }
    texts.set(event.seq, text.split(' ')[0]!);
    const marks = `${part ? '+' : ''}${open ? '?' : ''}${truncated ? '!' : ''}`;
    const paired = latency === null || answers === null ? '' : ` <= ${texts.get(answers) ?? 'connecting'}`;
    lines.push(`${who}${marks} ${text}${paired}`);
  }
  return lines;
}

function escaped(text: string): string {
  return text.replace(/[^ -~]/g, (c) =>
    c === '\r' ? '\\r' : c === '\n' ? '\\n' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function unescaped(text: string): string {
  const letters: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '\\': '\\' };
  return text.replace(/\\(?:x([\dA-Fa-f]{2})|(.))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? letters[letter]! : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
