// A whole sink for tests: started from flags on free ports, with a client's side, and stopped behind each test.
import { connect } from 'node:net';
import { resolveSink } from '../../../relay/options.ts';
import { type MailService, startMail } from '../../../relay/service.ts';
import { socketTransport } from '../../../src/transport.ts';
import { Directory } from '../store/sqlite-place.ts';
import { Client } from './client.ts';
import { RecordingLog } from './recording-log.ts';

export type SinkFlags = Readonly<Record<string, string | readonly string[]>>;

export class Sinks {
  readonly log = new RecordingLog();
  private readonly started: MailService[] = [];
  private directory: Directory | null = null;

  /** With a database in a file, the same one for all sinks of a test. */
  async start(values: SinkFlags = {}): Promise<MailService> {
    this.directory ??= await Directory.make();
    const all = { smtp: '127.0.0.1:0', hostname: 'mx.example', database: this.directory.file, ...values };
    const flags = new Map(Object.entries(all).map(([name, value]) => [name, [value].flat()] as const));
    const mail = await startMail(resolveSink({ flags }), this.log);
    this.started.push(mail);
    return mail;
  }

  async stop(mail: MailService): Promise<void> {
    this.started.splice(this.started.indexOf(mail), 1);
    await mail.stop(1000);
  }

  /** A client that has read the greeting. */
  async client(mail: MailService, place = 0): Promise<Client> {
    const client = new Client(socketTransport(connect(portOf(mail, place), '127.0.0.1')));
    await client.reply();
    return client;
  }

  async close(): Promise<void> {
    for (const mail of this.started.splice(0)) await mail.stop(0);
    await this.directory?.remove();
    this.directory = null;
    this.log.records.length = 0;
  }
}

export function portOf(mail: MailService, place = 0): number {
  return Number(mail.smtp[place]!.split(':').at(-1));
}

/** Sends a mail; gives the id that its 250 tells. */
export async function sendMail(
  client: Client,
  to: string | readonly string[] = 'b@x.example',
  content = 'Subject: x\r\n\r\nhello\r\n',
): Promise<string> {
  const rcpts = [to].flat().map((one) => `RCPT TO:<${one}>`);
  const codes = await client.codes('EHLO c.example', 'MAIL FROM:<a@x.example>', ...rcpts, 'DATA');
  if (codes.some((code) => code >= '400')) throw new Error(`refused: ${codes.join(' ')}`);
  client.send(`${content}.\r\n`);
  const answer = await client.reply();
  const id = /queued as (\w{22})/.exec(answer)?.[1];
  if (id === undefined) throw new Error(`not stored: ${answer}`);
  return id;
}
