// Webhooks of a sink as it is started: mail by SMTP, a receiver that is away, a process that is killed in between.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { socketTransport } from '../../../src/transport.ts';
import { LONEDOT, Program } from '../../cli/run.ts';
import { until } from '../../support/within.ts';
import { Client } from '../support/client.ts';
import { HookReceiver } from './hook-receiver.ts';

describe('the webhooks of a sink', function () {
  this.timeout(40_000);
  let folder: string;
  let receiver: HookReceiver;
  let running: Program | null = null;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-hooks-'));
    receiver = await HookReceiver.start();
  });

  afterEach(async () => {
    running?.child.kill('SIGKILL');
    await running?.result();
    running = null;
    receiver.close();
    rmSync(folder, { recursive: true });
  });

  /** Starts a sink and gives a client that has said EHLO. */
  async function sink(...flags: readonly string[]): Promise<Client> {
    const own = ['-s', '127.0.0.1:0', '-l', '127.0.0.1:0', '-d', join(folder, 'a.db'), '--log-format', 'json'];
    running = new Program(LONEDOT, [...own, '--webhook-url', receiver.url, '--webhook-limit', '0', ...flags]);
    await running.printed(/"service":"smtp","address":"[^"]+"/);
    const [, port] = /"service":"smtp","address":"127\.0\.0\.1:(\d+)"/.exec(running.stdout)!;
    const client = new Client(socketTransport(connect(Number(port), '127.0.0.1')));
    await client.reply();
    await client.say('EHLO c.example');
    return client;
  }

  async function send(client: Client, subject: string): Promise<void> {
    await client.codes('MAIL FROM:<a@x.example>', 'RCPT TO:<b@x.example>', 'DATA');
    expect(await client.say(`Subject: ${subject}\r\nFrom: A <a@x.example>\r\n\r\ntext\r\n.`)).to.match(/^250 /);
  }

  it('tell the very first mail with what stands in it', async () => {
    const client = await sink();
    await send(client, 'first');
    await until(15_000, () => receiver.received.length === 1);
    const told = JSON.parse(receiver.received[0]!.body) as Record<string, unknown>;
    expect(told).to.include({ Subject: 'first', Snippet: 'text', Attachments: 0, Username: '' });
    expect(told['From']).to.deep.equal({ Name: 'A', Address: 'a@x.example' });
    // The recipient of the envelope that no header names.
    expect(told['Bcc']).to.deep.equal([{ Name: '', Address: 'b@x.example' }]);
  });

  it('lose nothing when the process is killed, and tell nothing anew that was taken', async () => {
    let isAway = false;
    receiver.answer = () => (isAway ? 503 : 200);
    let client = await sink();
    await send(client, '1');
    await send(client, '2');
    await until(15_000, () => receiver.received.length === 2);
    isAway = true;
    await send(client, '3');
    await send(client, '4');
    await until(15_000, () => receiver.received.length > 2);
    running!.child.kill('SIGKILL');
    await once(running!.child, 'exit');
    isAway = false;
    const before = receiver.received.length;
    client = await sink();
    await send(client, '5');
    await until(15_000, () => receiver.subjects.includes('5'));
    expect(receiver.subjects.slice(before)).to.deep.equal(['3', '4', '5']);
    expect(receiver.subjects.slice(0, 2)).to.deep.equal(['1', '2']);
  });

  it('that are new say nothing of old mail', async () => {
    const client = await sink();
    await send(client, 'old');
    await until(15_000, () => receiver.received.length === 1);
    running!.child.kill('SIGTERM');
    await running!.result();
    const second = await sink('--webhook-url', `${receiver.url}/other#include=raw`);
    await send(second, 'new');
    await until(15_000, () => receiver.received.length === 3);
    expect(receiver.received.map(({ path }) => path).sort()).to.deep.equal(['/hook', '/hook', '/hook/other']);
    const raw = receiver.received.find(({ path }) => path === '/hook/other')!;
    expect(raw.body).to.match(/^Received: [\s\S]+Subject: new\r\nFrom: A <a@x\.example>\r\n\r\ntext\r\n$/);
  });
});
