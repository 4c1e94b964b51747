// A recording as a test that runs, as Markdown and as a page; secrets stay masked in all of them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { readRecording } from '../../proxy/recording/read.ts';
import { exportRecording } from '../../proxy/replay/export/export.ts';
import { resolveReplay } from '../../proxy/replay/options.ts';
import { until } from '../support/within.ts';
import { type End, Rig } from './rig.ts';

type Turns = readonly (readonly [up: string, down: string])[];
const SMTP: Turns = [
  ['', '220 mx.example ESMTP\r\n'],
  ['EHLO a\r\n', '250-mx.example\r\n250 AUTH PLAIN\r\n'],
  ['AUTH PLAIN AHUAaHVudGVyMg==\r\n', '235 2.7.0 ok\r\n'],
  ['MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n', '250 1\r\n250 2\r\n354 go\r\n'],
  [
    "Subject: it's <b>&amp;\r\n\r\n$`{x}` \\ '\xff\r\n```\r\n</script>\r\n.\r\n",
    '250 2.0.0 Ok: queued as 0VbhpprS000000 at 2026-11-22 10:11:12\r\n',
  ],
  ['QUIT\r\n', '221 bye\r\n'],
];
const LATER: Turns = SMTP.map(([up, down]) => [
  up,
  down.replace('0VbhpprS000000 at 2026-11-22 10:11:12', '7Zzzzzzzzz9999 at 2031-01-02 23:59:59'),
]);
const PROMPTS: Turns = [
  ['', 'login: '],
  ['bob\r\n', 'Password: '],
  ['hunter2\r\n', 'welcome\r\n'],
];
const RAW: Turns = [
  ['\x00\x01', '\x02\x03'],
  ['\x04', '\x05'],
];
const IMAP: Turns = [
  ['', '* OK hi\r\n'],
  ['a LOGIN {3}\r\n', '+ go\r\n'],
  ['bob hunter2\r\n', 'a OK\r\n'],
  ['b FETCH 1 BODY[]\r\n', '* 1 FETCH (BODY[] {5}\r\nab\r\nc)\r\nb OK\r\n'],
  ['c LOGOUT\r\n', '* BYE\r\nc OK\r\n'],
];

/** Says its part when the client has said its own, whatever that was. */
async function act(end: End, turns: Turns): Promise<void> {
  let expected = 0;
  for (const [up, down] of turns) {
    expected += up.length;
    await until(5000, () => end.text.length >= expected || end.socket.closed, 'the words of the client');
    end.send(Buffer.from(down, 'latin1'));
  }
  end.finish();
}

describe('proxy: recordings exported', () => {
  let rig: Rig;
  let folder: string;
  beforeEach(() => {
    rig = new Rig();
    folder = mkdtempSync(join(tmpdir(), 'export-'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  });
  afterEach(async () => {
    await rig.cleanUp();
    rmSync(folder, { recursive: true });
  });

  async function exported(form: string, protocol: string, turns: Turns, keepSecrets = 'true'): Promise<string> {
    const file = join(folder, `${protocol}.jsonl`);
    const upstream = await rig.upstream((end) => void act(end, turns));
    const proxy = await rig.proxy(upstream.address, { protocol, record: file, 'keep-secrets': keepSecrets });
    const client = rig.client(proxy.listen);
    let heard = 0;
    for (const [up, down] of turns) {
      if (up !== '') client.send(Buffer.from(up, 'latin1'));
      heard += down.length;
      await until(5000, () => client.text.length >= heard, 'the words of the server');
    }
    await client.getsEnd();
    client.finish();
    await rig.pairEnded();
    await proxy.stop(0);
    const to = join(folder, `out${form}`);
    await exportRecording(await readRecording(file), file, to, 10);
    return to;
  }

  /** Runs an exported test against a server that acts so. */
  async function run(
    file: string,
    turns: Turns,
    runner: 'node' | 'mocha' = 'node',
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ code: number; output: string; said: string }> {
    const index = join(import.meta.dirname, `../../testing/index${extname(import.meta.filename)}`);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace("'lonedot/testing'", JSON.stringify(pathToFileURL(index).href)));
    const server = await rig.upstream((end) => void act(end, turns));
    const require = createRequire(import.meta.url);
    const tsx = pathToFileURL(require.resolve('tsx')).href;
    const args =
      runner === 'node'
        ? ['--import', tsx, '--test', file]
        : ['--import', tsx, require.resolve('mocha/bin/mocha.js'), '--no-config', '--no-package', file];
    const { NODE_TEST_CONTEXT: _, ...clean } = process.env;
    const child = spawn(process.execPath, args, { env: { ...clean, ...env, REPLAY_TO: server.address } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (more) => (output += more));
    const [code] = (await once(child, 'close')) as [number];
    return { code, output, said: server.ends[0]?.text ?? `nobody came: ${output}` };
  }

  it('as a test: says the same, masks and all, and takes answers that differ by nature only', async () => {
    const file = await exported('.test.ts', 'smtp', SMTP);
    const text = readFileSync(file, 'utf8');
    expect(text).to.not.contain('AHUA');
    expect(text).to.contain('queued as <id> at <date> <time>');
    const { code, output, said } = await run(file, LATER);
    expect(code, output).to.equal(0);
    const masked = SMTP.map(([up]) => up)
      .join('')
      .replace('AHUAaHVudGVyMg==', '*'.repeat(16));
    expect(said).to.equal(masked);
  }).timeout(30_000);

  it('as a test: by mocha, with a secret from the environment', async () => {
    const file = await exported('.test.ts', 'smtp', SMTP, 'false');
    const { code, output, said } = await run(file, SMTP, 'mocha', { SECRET_1: 'AHUAaHVudGVyMg==' });
    expect(code, output).to.equal(0);
    expect(output).to.match(/1 passing/);
    expect(said).to.equal(SMTP.map(([up]) => up).join(''));
  }).timeout(30_000);

  it('as a test: another answer fails at once, and says what was said', async () => {
    const file = await exported('.test.ts', 'smtp', SMTP);
    const turns = SMTP.map(([up, down]): [string, string] => [up, down.replace('235 2.7.0 ok', '535 5.7.8 no')]);
    const { code, output } = await run(file, turns);
    expect(code).to.equal(1);
    expect(output).to.match(/235 2\.7\.0 ok.*it said.*535 5\.7\.8 no/s);
  }).timeout(30_000);

  for (const [protocol, turns] of [
    ['telnet', PROMPTS],
    ['imap', IMAP],
    ['raw', RAW],
  ] as const) {
    it(`as a test: ${protocol}`, async () => {
      const file = await exported('.test.ts', protocol, turns);
      expect(readFileSync(file, 'utf8')).to.not.contain('hunter2');
      const { code, output, said } = await run(file, turns);
      expect(code, output).to.equal(0);
      const all = turns.map(([up]) => up).join('');
      expect(said).to.equal(
        all.replace('hunter2', '*******').replace('bob ', protocol === 'imap' ? said.slice(13, 17) : 'bob '),
      );
    }).timeout(30_000);
  }

  it('as Markdown: a fence that nothing breaks', async () => {
    const text = readFileSync(await exported('.md', 'smtp', SMTP), 'utf8');
    expect(text).to.match(/^# smtp\.jsonl\n\n## Connection 1: smtp\n\n````text\n/);
    expect(text).to.contain('C> AUTH PLAIN ***\n').and.to.contain('C| ```\n');
    expect(text).to.not.contain('AHUA');
    expect(text.endsWith('\n````\n')).to.equal(true);
  });

  it('as a page: everything escaped, nothing from elsewhere, long contents folded', async () => {
    const long = `${'a line\r\n'.repeat(30)}.\r\n`;
    const turns = SMTP.map(([up, down], at): [string, string] => [at === 4 ? up.replace('.\r\n', long) : up, down]);
    const text = readFileSync(await exported('.html', 'smtp', turns), 'utf8');
    expect(text).to.not.match(/AHUA|<script|<\/script>|<b>|src=|href=/);
    expect(text).to.not.contain('\u0001');
    expect(text).to.contain('&lt;/script&gt;').and.to.contain('it&#39;s &lt;b&gt;&amp;amp;');
    expect(text).to.match(/<details>\n<summary>\d+ lines of a content<\/summary>/);
    expect(text).to.contain('prefers-color-scheme: dark').and.to.contain("default-src 'none'");
    expect(text.match(/<span/g)).to.have.length(text.match(/<\/span>/g)!.length);
  });

  it('refuses what it cannot write, and two things at once', async () => {
    const flags = (given: Record<string, string>) => ({
      flags: new Map(Object.entries(given).map(([name, value]) => [name, [value]])),
    });
    expect(() => resolveReplay(flags({ file: 'a.jsonl', export: 'a.txt' }))).to.throw(
      /none of \*\.test\.ts, \*\.md, \*\.html/,
    );
    expect(() => resolveReplay(flags({ file: 'a.jsonl', export: 'a.md', to: '1' }))).to.throw(
      /one of --to, --serve and --export/,
    );
    const file = await exported('.md', 'raw', RAW);
    const recording = await readRecording(join(folder, 'raw.jsonl'));
    let why = '';
    await exportRecording(recording, 'raw.jsonl', join(file, 'x.md'), 10).catch(
      (error: Error) => (why = error.message),
    );
    expect(why).to.match(/^--export: cannot write /);
  });
});
