// Clients that send mail from a ledger, one after the other, until somebody stops them or the server is gone.
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '../../relay/support/client.ts';
import type { Ledger, Sent } from './ledger.ts';
import type { Program } from './program.ts';

/** A long mail goes out in pieces, so that a server can die in the middle of it. */
const PIECE = 16_384;

export class Load {
  private readonly ledger: Ledger;
  private readonly random: () => number;
  private readonly most: number;
  private isOver = false;
  private running: Promise<void>[] = [];

  /** Sends no more than `most` mails in all. */
  constructor(ledger: Ledger, random: () => number, most = Number.POSITIVE_INFINITY) {
    this.ledger = ledger;
    this.random = random;
    this.most = most;
  }

  /** Begins with so many connections to each of the programs; a connection that ends is not opened again. */
  async start(connections: number, ...programs: Program[]): Promise<void> {
    this.isOver = false;
    const clients = await Promise.all(
      programs.flatMap((one) => Array.from({ length: connections }, () => one.client())),
    );
    this.running = clients.map((client) =>
      this.send(client)
        .catch(() => {})
        .finally(() => client.transport.destroy()),
    );
  }

  /** Resolves when every connection is done with the mail that it was sending. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.running);
  }

  /** Resolves when all that may be sent is sent, or every connection is gone. */
  async done(): Promise<void> {
    await Promise.all(this.running);
  }

  private async send(client: Client): Promise<void> {
    client.send('EHLO c.example\r\n');
    await client.reply(10_000);
    while (!this.isOver && this.ledger.promised < this.most) {
      const mail = this.ledger.write();
      const isChunked = this.random() < 0.2;
      const rcpts = mail.recipients.map((one) => `RCPT TO:<${one}>\r\n`).join('');
      client.send(`MAIL FROM:<${mail.sender}>\r\n${rcpts}${isChunked ? '' : 'DATA\r\n'}`);
      for (let i = mail.recipients.length + (isChunked ? 1 : 2); i > 0; i--) await client.reply(10_000);
      if (isChunked) await sendChunks(client, mail);
      else await sendInPieces(client, mail, `${mail.content.replace(/^\./gm, '..')}.\r\n`);
      mail.isPromised = /^250 /.test(await client.reply(20_000));
    }
  }
}

async function sendInPieces(client: Client, mail: Sent, text: string): Promise<void> {
  for (let from = 0; from < text.length; from += PIECE) {
    if (from > 0) await pause(1);
    if (client.gone) throw new Error('gone');
    mail.isWhole = from + PIECE >= text.length;
    client.send(text.slice(from, from + PIECE));
  }
}

async function sendChunks(client: Client, mail: Sent): Promise<void> {
  const middle = Math.floor(mail.content.length / 2);
  client.send(`BDAT ${middle}\r\n${mail.content.slice(0, middle)}`);
  await client.reply(10_000);
  mail.isWhole = true;
  client.send(`BDAT ${mail.content.length - middle} LAST\r\n${mail.content.slice(middle)}`);
}
