// STARTTLS is made unknown, in capabilities (`strip`) and as a command (`strip`, `refuse`), by writing X over it: lengths
// stay what they are, and the server itself refuses the command, in its own words and in the order of its replies.
import type { Changer } from './changer.ts';
import type { ProfileName } from './profiles/names.ts';

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

/** With `mitm` nothing is changed: lines are held until it is known what they start. */
export function crossOut(mode: 'mitm' | 'strip' | 'refuse', protocol: ProfileName): Changer {
  const rule = mode === 'mitm' ? undefined : RULES[protocol];
  return {
    isAsleep: false,
    holds: () => true,
    change: (from, kind, bytes) => {
      if (!rule || (kind !== 'command' && kind !== 'reply') || (from === 'server' && mode !== 'strip')) return null;
      const found = (from === 'client' ? rule.command : rule.capability).exec(bytes.toString('latin1'));
      if (!found) return null;
      const changed = Buffer.from(bytes).fill('X', found.index, found.index + found[0].length);
      const note =
        from === 'client'
          ? 'STARTTLS is refused: the server gets it crossed out'
          : 'STARTTLS is crossed out for the client';
      return { bytes: changed, note };
    },
  };
}
