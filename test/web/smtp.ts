// Sends one mail over SMTP, line by line, as simply as can be.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { SIMPLE } from './sink.ts';

export interface Letter {
  readonly from?: string;
  readonly to?: readonly string[];
  readonly lines?: readonly string[];
  readonly login?: { readonly username: string; readonly password: string };
}

/** Resolves with the id of the mail, from the last reply; rejects with a reply that refuses something. */
export async function sendBySmtp(address: string, letter: Letter = {}): Promise<string> {
  const { from = 'ann@example.com', to = ['bob@example.com'], lines = SIMPLE, login } = letter;
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(address)!;
  const socket = connect({ host, port: Number(port) });
  const replies = createInterface({ input: socket })[Symbol.asyncIterator]();
  const reply = async (): Promise<string> => {
    for (;;) {
      const { done, value } = await replies.next();
      if (done) throw new Error('the connection ended');
      if (value[3] === '-') continue;
      if (/^[45]/.test(value)) throw new Error(value);
      return value;
    }
  };
  const say = (line: string) => {
    socket.write(`${line}\r\n`);
    return reply();
  };
  try {
    await reply();
    await say('EHLO client.example.com');
    if (login) {
      const secret = Buffer.from(`\0${login.username}\0${login.password}`).toString('base64');
      await say(`AUTH PLAIN ${secret}`);
    }
    await say(`MAIL FROM:<${from}>`);
    for (const one of to) await say(`RCPT TO:<${one}>`);
    await say('DATA');
    const text = lines.map((line) => `${line.startsWith('.') ? '.' : ''}${line}`).join('\r\n');
    return /[0-9A-Za-z]{22}/.exec(await say(`${text}\r\n.`))![0];
  } finally {
    socket.destroy();
  }
}
