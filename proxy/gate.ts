// Where bytes are not only looked at but may be changed: they pass when the observer has framed them, line by line. Here
// STARTTLS is made unknown, in capabilities (`strip`) and as a command (`strip`, `refuse`), by writing X over it: lengths
// stay what they are, and the server itself refuses the command, in its own words and in the order of its replies.
import type { SideName } from './dialogue/event.ts';
import type { Observer, Remark, Tap } from './dialogue/observer.ts';
import type { PairEnd, PairObserver, PairOutlet } from './pair.ts';
import type { ProfileName } from './profiles/names.ts';
import type { Kind } from './profiles/profile.ts';

/** What of a line is overwritten: in commands, and in lines of the server. */
interface Rule {
  readonly command: RegExp;
  readonly capability: RegExp;
}

const SMTP: Rule = { command: /^STARTTLS(?=\s*$)/i, capability: /(?<=^250[ -])STARTTLS(?=\s*$)/i };
const WORD: Rule = { command: /^STARTTLS(?=\s*$)/i, capability: /^STARTTLS(?=\s*$)/i };
const RULES: Readonly<Partial<Record<ProfileName, Rule>>> = {
  smtp: SMTP,
  lmtp: SMTP,
  imap: {
    command: /(?<=^\S+ +)STARTTLS(?=\s*$)/i,
    capability: /(?<=^\* (?:OK \[)?CAPABILITY .*|^\S+ OK \[CAPABILITY .*)\bSTARTTLS(?=[ \]\r\n])/i,
  },
  pop3: { command: /^STLS(?=\s*$)/i, capability: /^STLS(?=\s*$)/i },
  nntp: WORD,
  ftp: { command: /^AUTH(?= +(?:TLS|SSL)\b)/i, capability: /(?<=^ )AUTH(?= .*\b(?:TLS|SSL)\b)/i },
  managesieve: { command: /^STARTTLS(?=\s*$)/i, capability: /(?<=^")STARTTLS(?=")/i },
  irc: { command: /^STARTTLS(?=\s*$)/i, capability: /(?<=^:\S+ CAP \S+ (?:LS|NEW) .*[ :])tls(?=[ \r\n])/i },
};

/** What becomes of a line, and what is said about it; null: it stays. */
export type Change = (
  from: SideName,
  kind: Kind,
  bytes: Buffer,
) => { readonly bytes: Buffer; readonly note: string } | null;

/** With `mitm` nothing is changed: lines are held until it is known what they start. */
export function crossOut(mode: 'mitm' | 'strip' | 'refuse', protocol: ProfileName): Change {
  const rule = mode === 'mitm' ? undefined : RULES[protocol];
  return (from, kind, bytes) => {
    if (!rule || (kind !== 'command' && kind !== 'reply') || (from === 'server' && mode !== 'strip')) return null;
    const found = (from === 'client' ? rule.command : rule.capability).exec(bytes.toString('latin1'));
    if (!found) return null;
    const changed = Buffer.from(bytes).fill('X', found.index, found.index + found[0].length);
    const isClient = from === 'client';
    const note = isClient
      ? 'STARTTLS is refused: the server gets it crossed out'
      : 'STARTTLS is crossed out for the client';
    return { bytes: changed, note };
  };
}

export class Gate implements PairObserver, Tap {
  private readonly observer: Observer;
  private readonly change: Change;
  private outlet: PairOutlet | null = null;

  /** `make` makes the observer of the connection, which tells the gate what it has framed. */
  constructor(mode: 'mitm' | 'strip' | 'refuse', protocol: ProfileName, make: (tap: Tap) => Observer) {
    this.change = crossOut(mode, protocol);
    this.observer = make(this);
  }

  attach(outlet: PairOutlet): void {
    this.outlet = outlet;
  }

  feed(from: SideName, chunk: Buffer): void {
    this.observer.feed(from, chunk);
  }

  finish(from: SideName): void {
    this.observer.finish(from);
  }

  close(end: PairEnd): void {
    this.observer.close(end);
  }

  note(text: string): void {
    this.observer.note(text);
  }

  drop(from: SideName, bytes: Buffer): void {
    this.observer.drop(from, bytes);
  }

  /** Called by the observer with everything that was said, once and in order; what it answers to is a remark. */
  framed(from: SideName, kind: Kind, bytes: Buffer): Remark | null {
    const changed = this.change(from, kind, bytes);
    this.outlet?.pass(from, changed?.bytes ?? bytes);
    return changed && { note: changed.note };
  }

  ended(from: SideName): void {
    this.outlet?.end(from);
  }
}
