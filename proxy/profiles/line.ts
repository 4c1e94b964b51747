// Any protocol of lines: both sides say lines that end with LF, CR before it or not. Nobody knows what answers what.
// Tails without a terminator are prompts. Secret is what stands behind the words that usually come before a secret,
// and the line that is typed behind a prompt for a password.
import { Guess } from './guess.ts';
import { type Frame, lineOf, type Profile, type Talk } from './profile.ts';

const LINE = lineOf('line');
const SECRET_LINE = lineOf('secret');
const PROMPT = /(?:password|passphrase|passcode|pin)[^:]{0,40}:\s*$/i;

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
    const hide = ({ bytes, start, end }: Frame): void => {
      const at = guess.find(bytes, start, end);
      if (at !== -1) talk.hide(at);
    };
    return {
      client: (frame) => {
        if (!prompt.isSecret) hide(frame);
        prompt.client(frame);
      },
      server: (frame) => {
        hide(frame);
        prompt.server(frame);
      },
      skims: (from) => from === 'server' || !prompt.isSecret,
    };
  },
};
