// How a client behaves when its server does not: a proxy of `lonedot/testing` between the two, which puts off the first
// command, tears a reply apart and then is silent for a while. In a real test the client is your program.
//
//   node --import tsx examples/broken-server.ts
import { connect, createServer, type Socket } from 'node:net';
// In your own program: from 'lonedot/testing'.
import { startProxy } from '../testing/index.ts';

/** Answers `250` to every line. */
const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.write('220 at your service\r\n');
  socket.on('data', (chunk) => {
    for (const _ of chunk.toString('latin1').matchAll(/\r\n/g)) socket.write('250 fine\r\n');
  });
});

/** Says a line again until it is answered with 250: the client under test. */
async function persist(line: string, dial: () => Socket): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const socket = dial();
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (/\n[245].*\r\n/.test(text)) resolve(text.split('\r\n')[1]!);
      });
      socket.on('error', () => {}).on('close', () => resolve('lost'));
      socket.once('data', () => socket.write(`${line}\r\n`));
    });
    socket.destroy();
    if (answer.startsWith('250')) return attempt;
  }
}

export async function demonstrate(print: (text: string) => void): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const proxy = await startProxy({
    upstream: port,
    protocol: 'smtp',
    effects: ['client MAIL #1: answer 451 4.3.0 come later', 'server 250 #1: cut crlf then reset'],
  });
  const late = proxy.effects.add('client MAIL #3: delay 100ms');
  const attempts = await persist('MAIL FROM:<me@example.com>', () => connect(proxy.port, proxy.host));
  const accepted = await proxy.expect(/^250/, { direction: 'server', connection: 3 });
  print(`accepted at attempt ${attempts}, ${late.hits} time late: ${accepted.text}`);
  print(proxy.transcript(1).trimEnd());
  await proxy.stop();
  server.close();
}

if (process.argv[1] === import.meta.filename) await demonstrate(console.log);
