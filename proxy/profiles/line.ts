// Any protocol of lines: both sides say lines that end with LF, CR before it or not. Nobody knows what answers what.
// Tails without a terminator are prompts. Secret is what stands behind the words that usually come before a secret,
// and the line that is typed behind a prompt for a password.
import { type Frame, lineOf, type Profile, type Talk } from './profile.ts';

const LINE = lineOf('line');
const SECRET_LINE = lineOf('secret');
const BEFORE_SECRET =
  /^\s*(?:pass|auth|authenticate|login|authorization:|cookie:|set-cookie:)\s+|\b(?:password|passwd|secret|token)["']?\s*[=:]\s*/i;
/** Part of everything that BEFORE_SECRET finds. */
const WORD = /pass|auth|login|cookie|secret|token/i;
const PROMPT = /(?:password|passphrase|passcode|pin)[^:]{0,40}:\s*$/i;

/** Hides the rest of a line behind a word that announces a secret. */
class Guess {
  /** The words are looked for once in each chunk: most have none. */
  private chunk: Buffer | null = null;
  private hasWord = false;

  hide(talk: Talk, { bytes, start, end }: Frame): void {
    if (!this.mayHide(bytes)) return;
    const found = BEFORE_SECRET.exec(bytes.toString('latin1', start, end));
    if (found) talk.hide(start + found.index + found[0].length);
  }

  /** Whether any line of the chunk may hold a secret. */
  mayHide(chunk: Buffer): boolean {
    if (chunk !== this.chunk) {
      this.chunk = chunk;
      this.hasWord = WORD.test(chunk.toString('latin1'));
    }
    return this.hasWord;
  }
}

/** Whether the client's next line is a password, as the server's prompts say. */
export class PasswordPrompt {
  private readonly talk: Talk;
  isSecret = false;

  constructor(talk: Talk) {
    this.talk = talk;
    talk.client.next(LINE);
    talk.server.next(LINE);
  }

  /** Typed key by key, the line is cut by whatever is echoed: it lasts until its terminator. */
  client({ state }: Frame): void {
    if (!this.isSecret || state === 'open') return;
    this.isSecret = false;
    this.talk.client.next(LINE);
  }

  server(frame: Frame): void {
    if (frame.state !== 'open' || !PROMPT.test(frame.text())) return;
    this.isSecret = true;
    this.talk.client.next(SECRET_LINE);
  }
}

export const line: Profile = {
  name: 'line',
  prompts: true,
  start: (talk) => {
    const prompt = new PasswordPrompt(talk);
    const guess = new Guess();
    return {
      client: (frame) => {
        if (!prompt.isSecret) guess.hide(talk, frame);
        prompt.client(frame);
      },
      server: (frame) => {
        guess.hide(talk, frame);
        prompt.server(frame);
      },
      skims: (from, chunk) => !(from === 'client' && prompt.isSecret) && !guess.mayHide(chunk),
    };
  },
};
