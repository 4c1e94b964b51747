// Plays the client's side of a recorded dialogue: each line when the server has answered the one before, the content
// where it stood, and beside each answer the one that was given when it was recorded. Logins and TLS are left out: the
// first are masked in the recording, the second ended with its connection.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TranscriptLine } from '../../../relay/inbox/transcript.ts';
import type { Address } from '../../../src/address.ts';
import { DotStuffer } from '../../../src/dot-stuffing.ts';

export interface Step {
  /** What was sent; '' for the greeting. */
  readonly sent: string;
  /** The last line of each answer. */
  readonly recorded: string | null;
  readonly received: string | null;
}

const REPLY_MS = 30_000;
const MAX_REPLY_BYTES = 64 * 1024;
const LEFT_OUT = /^(?:AUTH|STARTTLS|XCLIENT|XFORWARD)\b/i;
const CONTENT = /^\[content: \d+ bytes?\]$/;

type Content = () => Promise<AsyncIterable<Buffer> | undefined>;

/** Rejects when the server cannot be reached, or does not answer. */
export async function playDialogue(to: Address, lines: readonly TranscriptLine[], content: Content): Promise<Step[]> {
  if (to.kind === 'fd') throw new Error('a descriptor is no place to send to');
  const socket = connect(to.kind === 'tcp' ? { host: to.host, port: to.port } : { path: to.path });
  try {
    await Promise.race([once(socket, 'connect'), late()]);
    const replies = new Replies(socket);
    const steps: Step[] = [{ sent: '', recorded: recordedFrom(lines, -1), received: await replies.next() }];
    for (const [i, { from, text }] of lines.entries()) {
      if (from !== 'client' || LEFT_OUT.test(text) || text === '***') continue;
      if (CONTENT.test(text)) await sendContent(socket, await content());
      else socket.write(`${text}\r\n`);
      const received = await replies.next();
      steps.push({ sent: text, recorded: recordedFrom(lines, i), received });
      // What follows would be read as commands, or the other way round.
      if (received === null || (/^DATA$/i.test(text) && !received.startsWith('3'))) break;
    }
    socket.write('QUIT\r\n');
    return steps;
  } finally {
    socket.destroySoon();
  }
}

/** The last line that the server said behind line `i` and before the client spoke again. */
function recordedFrom(lines: readonly TranscriptLine[], i: number): string | null {
  let found: string | null = null;
  for (const { from, text } of lines.slice(i + 1)) {
    if (from === 'client') break;
    if (from === 'server') found = text;
  }
  return found;
}

async function sendContent(socket: Socket, content: AsyncIterable<Buffer> | undefined): Promise<void> {
  const dots = new DotStuffer();
  for await (const piece of content ?? []) {
    if (!socket.write(dots.write(piece))) await Promise.race([once(socket, 'drain'), once(socket, 'close'), late()]);
  }
  socket.write(dots.end({ terminator: true }));
}

/** Answers as they come; null when the connection ended. */
class Replies {
  readonly #pieces: AsyncIterator<Buffer>;
  #text = '';

  constructor(socket: Socket) {
    this.#pieces = socket[Symbol.asyncIterator]();
  }

  async next(): Promise<string | null> {
    for (;;) {
      // RFC 5321 4.2: the last line of an answer has a blank behind its code, or nothing.
      const [whole, last] = /^(?:\d{3}-.*\r?\n)*(\d{3}(?: .*)?)\r?\n/.exec(this.#text) ?? [];
      if (whole !== undefined && last !== undefined) {
        this.#text = this.#text.slice(whole.length);
        return last.trimEnd();
      }
      if (this.#text.length > MAX_REPLY_BYTES) throw new Error('the server answers without end');
      const { done, value } = await Promise.race([this.#pieces.next(), late()]);
      if (done) return null;
      this.#text += value.toString('latin1');
    }
  }
}

async function late(): Promise<never> {
  await sleep(REPLY_MS, undefined, { ref: false });
  throw new Error(`no answer within ${REPLY_MS / 1000} s`);
}
