// The built program as its user meets it: says its version and its help, catches a mail that curl sends, shows it, gives
// it back over HTTP byte for byte, and ends in order.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

const MAIL = 'Subject: smoke\r\n\r\n.a dot and more\r\n';
const program = 'dist/cli/lonedot.js';

function check(holds, why) {
  if (holds) return;
  console.error(why);
  process.exit(1);
}

function tells(...args) {
  const { status, stdout, stderr } = spawnSync('node', [program, ...args], { encoding: 'utf8' });
  check(status === 0, `${args}: status ${status}: ${stderr}`);
  return stdout;
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
check(tells('--version') === `${version}\n`, '--version tells another version than package.json');
check(tells('--help').includes('lonedot relay'), '--help does not name the relay');

const sink = spawn('node', [program, '-s', '127.0.0.1:0', '-l', '127.0.0.1:0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(sink, 'exit');
process.once('exit', () => sink.kill('SIGKILL'));
let said = '';
sink.stdout.setEncoding('utf8');
sink.stdout.on('data', (text) => {
  said += text;
});
const addressOf = (label) => new RegExp(`^${label} +(\\S+)$`, 'm').exec(said)?.[1];
while (!(addressOf('smtp') && addressOf('web'))) {
  const gone = await Promise.race([once(sink.stdout, 'data').then(() => false), ended.then(() => true)]);
  check(!gone, `the sink did not start: ${said}`);
}
const sent = spawnSync(
  'curl',
  ['-sST', '-', '--mail-from', 'a@x.example', '--mail-rcpt', 'b@x.example', `smtp://${addressOf('smtp')}`],
  { input: MAIL, encoding: 'utf8' },
);
check(sent.status === 0, `curl: ${sent.stderr}`);
const web = addressOf('web');
const { messages } = await (await fetch(new URL('api/lonedot/v1/messages', web))).json();
check(messages.length === 1, `${messages.length} messages instead of one`);
const raw = await (await fetch(new URL(`api/v1/message/${messages[0].id}/raw`, web))).text();
check(raw.endsWith(MAIL), `the mail was changed: ${JSON.stringify(raw)}`);
// What the page then shows of the mail is tested in a browser.
const page = await (await fetch(web)).text();
const script = /<script[^>]* src="([^"]+\.js)"/.exec(page)?.[1];
check(script !== undefined, `the page has no program: ${page}`);
const loaded = await fetch(new URL(script, web));
check(loaded.ok && (await loaded.text()).includes('Search mail'), `${script}: status ${loaded.status}`);
const listed = await (await fetch(new URL('api/v1/messages', web))).json();
check(listed.messages[0]?.Subject === 'smoke', 'the page is not told of the mail');
sink.kill('SIGTERM');
const [code, signal] = await ended;
check(code === 0, `SIGTERM ended it with ${code ?? signal}`);
console.log('caught, shown, given back, ended in order');
