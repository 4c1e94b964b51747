// Asks for a password at the terminal, without showing it, or reads one from a pipe.
import type { Readable, Writable } from 'node:stream';
import { ChatError } from '../src/errors.ts';

const MAX_BYTES = 1024;

/** What a terminal is to the prompt: process.stdin is one, and a test can be one. */
export interface TerminalInput extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/** Asks twice on stderr. Rejects with BAD_OPTION when there is no terminal, or the answers differ. */
export async function askNewPassword(
  name: string,
  input: TerminalInput = process.stdin,
  output: Writable = process.stderr,
): Promise<string> {
  if (!input.isTTY || !input.setRawMode) {
    throw new ChatError('BAD_OPTION', 'there is no terminal to ask for the password at; give it with --password-stdin');
  }
  const first = await ask(`New password for ${name}: `, input, output);
  const second = await ask('The same once more: ', input, output);
  if (first !== second) throw new ChatError('BAD_OPTION', 'the two passwords differ; nothing was changed');
  return first;
}

/** The first line of the stream. */
export async function readPassword(input: Readable): Promise<string> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of input) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.length > MAX_BYTES) throw new ChatError('BAD_OPTION', `the password is longer than ${MAX_BYTES} bytes`);
    if (bytes.includes(10)) break;
  }
  const [line = ''] = bytes.toString('utf8').split(/\r?\n/, 1);
  return line;
}

async function ask(question: string, input: TerminalInput, output: Writable): Promise<string> {
  output.write(question);
  input.setRawMode!(true);
  input.resume();
  try {
    return await typed(input);
  } finally {
    input.setRawMode!(false);
    output.write('\n');
  }
}

/** What is typed up to the Enter: in raw mode the editing is ours too. What was typed ahead stays for the next time. */
function typed(input: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const done = (settle: () => void, rest: string): void => {
      input.off('data', onData).off('end', onEnd).pause();
      if (rest !== '') input.unshift(Buffer.from(rest));
      settle();
    };
    const onEnd = (): void => done(() => reject(cancelled()), '');
    const onData = (chunk: Buffer | string): void => {
      const keys = [...chunk.toString()];
      for (const [i, key] of keys.entries()) {
        if (key === '\r' || key === '\n') return done(() => resolve(text), keys.slice(i + 1).join(''));
        if (key === '\x03' || key === '\x04') return onEnd();
        if (key === '\x7f' || key === '\b') text = [...text].slice(0, -1).join('');
        else if (key === '\x15') text = '';
        else if (text.length < MAX_BYTES) text += key;
      }
    };
    input.on('data', onData).on('end', onEnd);
  });
}

function cancelled(): ChatError {
  return new ChatError('BAD_OPTION', 'no password was given; nothing was changed');
}
