// Telnet: lines of text with commands in them that begin with IAC (RFC 854). Both sides speak when they like; tails
// without a terminator are prompts. A negotiation is remarked upon by its names. Secret: the line behind a prompt for
// a password, which the client may send key by key.
import { PasswordPrompt } from './line.ts';
import type { Frame, Profile } from './profile.ts';

const IAC = 0xff;
const SB = 0xfa;
const VERBS: Readonly<Record<number, string>> = { 251: 'WILL', 252: 'WONT', 253: 'DO', 254: 'DONT', 250: 'SB' };
/** RFC 857, 858, 1091, 1073, 1184, 1408. */
const OPTIONS: Readonly<Record<number, string>> = {
  0: 'BINARY',
  1: 'ECHO',
  3: 'SGA',
  24: 'TERMINAL-TYPE',
  31: 'NAWS',
  34: 'LINEMODE',
  39: 'NEW-ENVIRON',
};

/** `DO ECHO, WILL SGA`; '' when there is none. */
function negotiation({ bytes, start, end }: Frame): string {
  const found: string[] = [];
  for (let i = bytes.indexOf(IAC, start); i !== -1 && i + 2 < end; i = bytes.indexOf(IAC, i + 2)) {
    const verb = VERBS[bytes[i + 1]!];
    if (verb === undefined) continue;
    const option = bytes[i + 2]!;
    found.push(`${verb} ${OPTIONS[option] ?? option}`);
    if (bytes[i + 1] === SB) i = Math.max(i, bytes.indexOf(IAC, i + 2) - 2);
  }
  return found.join(', ');
}

export const telnet: Profile = {
  name: 'telnet',
  prompts: true,
  start: (talk) => {
    const prompt = new PasswordPrompt(talk);
    const remark = (frame: Frame): void => {
      const text = negotiation(frame);
      if (text !== '') talk.note(text);
    };
    return {
      client: (frame) => {
        remark(frame);
        prompt.client(frame);
      },
      server: (frame) => {
        remark(frame);
        prompt.server(frame);
      },
    };
  },
};
