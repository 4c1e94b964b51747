// From start to stop with services that only pretend: what is printed, which signals do what, how failures end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FAKE, Program, run } from './run.ts';

const UPSTREAM = 'smtp://me:secret@smtp.example.com:587';
const lines = (text: string) => text.trimEnd().split('\n');

describe('a started lonedot', () => {
  it('prints where the sink listens and how to send a first mail, and stops on SIGTERM', async () => {
    const program = new Program(FAKE, ['-s', '0', '-l', '8025']);
    await program.printed(/smtp:\/\/127\.0\.0\.1:4711\n/);
    program.child.kill('SIGTERM');
    const { code, stdout, stderr } = await program.result();
    expect(lines(stdout)).to.deep.equal([
      'smtp  127.0.0.1:4711',
      'web   http://127.0.0.1:8025/',
      'store temporary, the newest 500 messages',
      '',
      'Send a first mail:',
      "  printf 'Subject: Hello\\r\\n\\r\\nIt works.\\r\\n' |",
      '  curl -sT - --mail-from me@example.com --mail-rcpt you@example.com smtp://127.0.0.1:4711',
      'web stopped',
      'mail stopped within 10000 ms',
    ]);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });

  it('prints JSON lines where the log is JSON', async () => {
    const program = new Program(FAKE, ['relay', '--upstream', UPSTREAM, '--log-format', 'json']);
    await program.printed(/forwarding/);
    program.child.kill('SIGINT');
    const { code, stdout } = await program.result();
    const events = lines(stdout)
      .slice(0, 3)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.map(({ time: _, level: __, ...rest }) => rest)).to.deep.equal([
      { event: 'listening', section: 'relay', service: 'smtp', address: '127.0.0.1:2525' },
      { event: 'storing', section: 'relay', database: './lonedot.db' },
      { event: 'forwarding', section: 'relay', upstream: 'smtp://me:***@smtp.example.com:587' },
    ]);
    expect(code).to.equal(0);
  });

  it('prints nothing when quiet', async () => {
    const args = ['proxy', '1143', 'imap.example.com:143', '-q', '--drain-timeout', '3s'];
    const program = new Program(FAKE, args, { FAKE: 'tell' });
    await program.printed(/proxy started\n/);
    program.child.kill('SIGTERM');
    const { code, stdout, stderr } = await program.result();
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.equal('proxy started\nproxy stopped within 3000 ms\n');
  });

  it('colours for FORCE_COLOR, and not for NO_COLOR', async () => {
    for (const [variables, first] of [
      [{ FORCE_COLOR: '1' }, '\x1b[2mproxy\x1b[0m \x1b[36m127.0.0.1:1143 -> h:143\x1b[0m\n'],
      [{ NO_COLOR: '1' }, 'proxy 127.0.0.1:1143 -> h:143\n'],
    ] as const) {
      const program = new Program(FAKE, ['proxy', '1143', 'h:143'], variables);
      await program.printed(/143.*\n/);
      program.child.kill('SIGTERM');
      const { stdout } = await program.result();
      expect(stdout.startsWith(first)).to.equal(true);
    }
  });

  it('ends at once at a second signal', async () => {
    const program = new Program(FAKE, ['-v'], { FAKE: 'stop-hangs' });
    await program.printed(/Send a first mail/);
    program.child.kill('SIGTERM');
    await program.printed(/program\.stopping/);
    program.child.kill('SIGTERM');
    expect((await program.result()).code).to.equal(1);
  });

  it('ends by itself when a service does not stop', async () => {
    const program = new Program(FAKE, ['--drain-timeout', '0'], { FAKE: 'stop-hangs' });
    await program.printed(/Send a first mail/);
    program.child.kill('SIGTERM');
    const { code, stderr } = await program.result();
    expect({ code, stderr }).to.deep.equal({ code: 1, stderr: 'lonedot: not stopped 5 s after the drain limit\n' });
  });

  it('ends with 1 and one line when a service cannot start', async () => {
    const { code, stdout, stderr } = await run([], { FAKE: 'in-use' }, FAKE);
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(stderr).to.equal('lonedot: 127.0.0.1:1025: the address is in use\n');
  });

  it('stops what has started when the next service cannot start', async () => {
    const { code, stdout, stderr } = await run([], { FAKE: 'web-in-use' }, FAKE);
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: 'mail stopped within 0 ms\n' });
    expect(stderr).to.equal('lonedot: 127.0.0.1:8025: the address is in use\n');
  });

  it('ends with 1 when the stop fails', async () => {
    const program = new Program(FAKE, [], { FAKE: 'stop-fails' });
    await program.printed(/Send a first mail/);
    program.child.kill('SIGTERM');
    const { code, stderr } = await program.result();
    expect({ code, stderr }).to.deep.equal({ code: 1, stderr: 'lonedot: the disk is full\n' });
  });

  for (const [fake, expected] of [
    ['bug', /^lonedot: this is a bug in lonedot: .*JSON.*\n$/],
    ['rejection', /^lonedot: this is a bug in lonedot: x is undefined and more\n$/],
  ] as const) {
    it(`calls a ${fake} that nobody caught a bug, in one line`, async () => {
      const { code, stderr } = await run([], { FAKE: fake }, FAKE);
      expect(code).to.equal(1);
      expect(stderr).to.match(expected);
    });
  }

  it('goes on when nobody reads its stdout', async () => {
    const program = new Program(FAKE, ['-v']);
    program.child.stdout.destroy();
    await program.printed(/fake\.mail/);
    program.child.kill('SIGTERM');
    await program.printed(/program\.stopping/);
    expect((await program.result()).code).to.equal(0);
  });
});

describe('lonedot with a config file', () => {
  let folder: string;
  let file: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-serve-'));
    file = join(folder, 'lonedot.json');
    const proxies = [{ listen: '127.0.0.1:1143', upstream: 'imap.example.com:143', drainTimeout: '2s' }];
    const relay = { upstream: UPSTREAM, database: 'queue.db', smtp: 2525 };
    writeFileSync(file, JSON.stringify({ sink: { smtp: 1025, max: 7 }, relay, proxies, log: { quiet: false } }));
  });
  after(() => rmSync(folder, { recursive: true }));

  const PLANNED = [
    'smtp  127.0.0.1:1025  (sink)',
    'web   http://127.0.0.1:8025/  (sink)',
    'store temporary, the newest 7 messages  (sink)',
    'smtp  127.0.0.1:2525  (relay)',
    'store queue.db  (relay)',
    'to    smtp://me:***@smtp.example.com:587  (relay)',
    'proxy 127.0.0.1:1143 -> imap.example.com:143  (proxies[0])',
  ];

  it('checks it, and prints what serve would do', async () => {
    const { code, stdout, stderr } = await run(['check', '-c', file]);
    expect(lines(stdout)).to.deep.equal([`${file} is valid. lonedot serve would run:`, ...PLANNED]);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });

  it('checks it silently when quiet', async () => {
    expect(await run(['check', '-q', '-c', file])).to.deep.equal({ code: 0, stdout: '', stderr: '' });
  });

  it('serves everything that it names', async () => {
    const program = new Program(FAKE, ['serve', '-c', file], { LONEDOT_SMTP: 'ignored', LONEDOT_SINK_MAX: '8' });
    await program.printed(/Send a first mail/);
    program.child.kill('SIGTERM');
    const { code, stdout } = await program.result();
    expect(lines(stdout).slice(0, 7)).to.deep.equal(PLANNED.map((line) => line.replace('newest 7', 'newest 8')));
    expect(stdout).to.contain('proxy stopped within 2000 ms\n');
    expect(stdout).to.contain('mail stopped within 10000 ms\n');
    expect(code).to.equal(0);
  });

  it('is used by section, below flags and variables', async () => {
    const program = new Program(FAKE, ['relay', '-s', '2526', '-c', file], { LONEDOT_DATABASE: 'variable.db' });
    await program.printed(/Send a first mail/);
    program.child.kill('SIGTERM');
    const { stdout } = await program.result();
    expect(lines(stdout).slice(0, 3)).to.deep.equal([
      'smtp  127.0.0.1:2526',
      'store variable.db',
      'to    smtp://me:***@smtp.example.com:587',
    ]);
  });

  it('gives a single proxy its addresses', async () => {
    const program = new Program(FAKE, ['proxy'], { LONEDOT_CONFIG: file });
    await program.printed(/proxy 127\.0\.0\.1:1143 -> imap\.example\.com:143\n/);
    program.child.kill('SIGTERM');
    expect((await program.result()).code).to.equal(0);
  });
});
