// The built program as its user meets it: says its version, catches a mail that curl sends, gives it back over HTTP,
// and ends in order.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const program = ['dist/cli/lonedot.js'];
const fail = (why) => {
  console.error(why);
  process.exit(1);
};
const help = spawnSync('node', [...program, '--help'], { encoding: 'utf8' });
if (help.status !== 0 || !help.stdout.includes('lonedot relay')) fail('--help does not help');

const sink = spawn('node', [...program, '-s', '127.0.0.1:0', '-l', '127.0.0.1:0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let said = '';
const smtp = await new Promise((resolve) => {
  sink.stdout.on('data', (data) => {
    said += data;
    const [, address] = /^smtp +(\S+)$/m.exec(said) ?? [];
    if (address && /^web +/m.test(said)) resolve(address);
  });
  sink.once('exit', () => fail('the sink did not start'));
});
sink.removeAllListeners('exit');
const [, web] = /^web +(\S+)$/m.exec(said);
const mail = spawnSync(
  'curl',
  ['-sST', '-', '--mail-from', 'a@x.example', '--mail-rcpt', 'b@x.example', `smtp://${smtp}`],
  {
    input: 'Subject: smoke\r\n\r\n.a dot and more\r\n',
    encoding: 'utf8',
  },
);
if (mail.status !== 0) fail(`curl: ${mail.stderr}`);
const { messages } = await (await fetch(new URL('api/lonedot/v1/messages', web))).json();
const raw = await (await fetch(new URL(`api/v1/message/${messages[0].id}/raw`, web))).text();
if (!raw.endsWith('Subject: smoke\r\n\r\n.a dot and more\r\n')) fail(`the mail was changed: ${JSON.stringify(raw)}`);
if (!(await (await fetch(web)).text()).includes('a@x.example')) fail('the page does not show the mail');
sink.kill('SIGTERM');
const [code] = await once(sink, 'exit');
if (code !== 0) fail(`SIGTERM ended it with ${code}`);
console.log('caught, shown, given back, ended in order');
