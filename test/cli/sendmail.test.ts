// `lonedot sendmail` as programs call it: its old command line, what it adds and takes out, and its exit codes.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { sendmail as command } from '../../cli/commands/sendmail.ts';
import { COMMON_OPTIONS } from '../../cli/options.ts';
import { readSendmailArguments } from '../../cli/sendmail-arguments.ts';
import { Upstream, type UpstreamOptions } from '../relay/support/upstream.ts';
import { LONEDOT, Program, type Result } from './run.ts';

/** The address in a command. */
const pathIn = (text: string): string => /<(.*?)>/.exec(text)![1]!;
const TABLE = { ...command.table, ...COMMON_OPTIONS };
const read = (...args: readonly string[]): unknown => {
  const given = readSendmailArguments(TABLE, args);
  return given && { ...Object.fromEntries(given.flags), to: given.positionals };
};

describe('the command line of sendmail', () => {
  const t = { 'read-recipients': ['true'] };
  const i = { 'ignore-dots': ['true'] };
  for (const [line, expected] of [
    ['-t -i', { ...t, ...i, to: [] }],
    ['-ti a@x.example', { ...t, ...i, to: ['a@x.example'] }],
    ['-tifme@x.example', { ...t, ...i, from: ['me@x.example'], to: [] }],
    ['-f me@x.example -oi b@x.example', { from: ['me@x.example'], option: ['i'], to: ['b@x.example'] }],
    ['-oem -oi -odb -o i', { option: ['em', 'i', 'db', 'i'], to: [] }],
    ['-r me@x.example -F Name -t', { from: ['me@x.example'], 'full-name': ['Name'], ...t, to: [] }],
    ['-bs', { mode: ['s'], to: [] }],
    ['-bm -t -- -x@x.example', { mode: ['m'], ...t, to: ['-x@x.example'] }],
    ['-N never -R hdrs -V id -B8BITMIME -O A=B -L tag -p x -Ctest.cf -Xlog a', { to: ['a'] }],
    ['-em -U -G -n a', { to: ['a'] }],
    ['--smtp=127.0.0.1:1 -S [::1]:2 --from me --read-recipients', { smtp: ['[::1]:2'], from: ['me'], ...t, to: [] }],
    ['-v -q a', { verbose: ['true'], quiet: ['true'], to: ['a'] }],
    ['--help', undefined],
    ['-t -h', undefined],
  ] as const) {
    it(`reads ${line}`, () => expect(read(...line.split(' '))).to.deep.equal(expected));
  }

  for (const [line, why] of [
    ['-t -Q', 'unknown option -Q'],
    ['--form x', 'unknown option --form'],
    ['-t -f', '-f needs a value'],
    ['-N', '-N needs a value'],
  ] as const) {
    it(`refuses ${line}`, () => expect(() => read(...line.split(' '))).to.throw(why));
  }
});

describe('lonedot sendmail', function () {
  this.timeout(20_000);
  const upstreams: Upstream[] = [];
  afterEach(() => Promise.all(upstreams.splice(0).map((one) => one.stop())));

  async function upstream(options: UpstreamOptions = {}): Promise<Upstream> {
    const one = await Upstream.start(options);
    upstreams.push(one);
    return one;
  }

  const addressOf = (one: Upstream): string => `127.0.0.1:${one.port}`;

  async function sendmail(
    args: readonly string[],
    mail: string | Buffer,
    variables: Record<string, string> = {},
    file = LONEDOT,
  ): Promise<Result> {
    const program = new Program(file, file === LONEDOT ? ['sendmail', ...args] : args, variables);
    program.child.stdin.on('error', () => {});
    program.child.stdin.end(mail);
    return program.result();
  }

  it('sends what PHP writes: to those in the header, without Bcc, with CRLF', async () => {
    const server = await upstream();
    const mail =
      'To: b@x.example, root\nSubject: Hi\nBcc: c@x.example\nMIME-Version: 1.0\n\nline\n.\n..dots\nM\xc3\xbcller\n';
    const result = await sendmail(['-t', '-i', '-S', addressOf(server)], Buffer.from(mail, 'latin1'));
    expect(result).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    const [{ from, to, content }] = server.mails as [(typeof server.mails)[0]];
    const me = `${userInfo().username}@${hostname()}`;
    expect([pathIn(from), to.map(pathIn)]).to.deep.equal([me, ['b@x.example', `root@${hostname()}`, 'c@x.example']]);
    const text = content.toString('latin1');
    expect(text).to.match(
      /^To: b@x\.example, root\r\nSubject: Hi\r\nMIME-Version: 1\.0\r\nFrom: <[^\r]+>\r\nDate: [^\r]+\r\nMessage-ID: <[^\r]+>\r\n\r\n/,
    );
    expect(text).to.match(/\r\n\r\nline\r\n\.\r\n\.\.dots\r\nM\xc3\xbcller\r\n$/);
    expect(server.commands).to.include(`MAIL FROM:<${me}> BODY=8BITMIME`);
  });

  for (const [what, args, from] of [
    ['a sender', ['-f', 'me@y.example'], 'me@y.example'],
    ['a sender with its name', ['-f', 'Me <me@y.example>'], 'me@y.example'],
    ['the null sender', ['-f', '<>'], ''],
    ['a local sender', ['-fme'], `me@${hostname()}`],
  ] as const) {
    it(`takes ${what}, and several recipients in one word`, async () => {
      const server = await upstream();
      const mail = 'Subject: x\n\nup to here\n.\nand no further\n';
      const { code } = await sendmail([...args, 'a@x.example, B <b@x.example>'], mail, {
        LONEDOT_SMTP: addressOf(server),
      });
      expect(code).to.equal(0);
      expect(server.mails.map((one) => [pathIn(one.from), one.to.map(pathIn)])).to.deep.equal([
        [from, ['a@x.example', 'b@x.example']],
      ]);
      expect(server.mails[0]!.content.toString('latin1')).to.match(/\r\n\r\nup to here\r\n$/);
    });
  }

  it('sends a long mail in pieces', async () => {
    const server = await upstream();
    const mail = Buffer.from(`Subject: x\n\n${`${'x'.repeat(70)}\n`.repeat(150_000)}`);
    const { code } = await sendmail(['-i', '-S', addressOf(server), 'a@x.example'], mail);
    expect(code).to.equal(0);
    expect(server.mails[0]!.content.length).to.be.greaterThan(mail.length + 150_000);
  });

  it('passes a dialogue through with -bs', async () => {
    const server = await upstream();
    const dialogue = 'EHLO x\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n';
    const { code, stdout } = await sendmail(['-bs', '-S', addressOf(server)], dialogue);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^220 [\s\S]*\r\n221 2\.0\.0 Bye\r\n$/);
    expect(server.mails[0]!.content.toString()).to.equal('hello\r\n');
  });

  it('ends with the dialogue, also while whoever called still listens', async () => {
    const server = await upstream();
    const program = new Program(LONEDOT, ['sendmail', '-bs', '-S', addressOf(server)]);
    await program.printed(/^220 /);
    program.child.stdin.write('QUIT\r\n');
    const { code, stdout } = await program.result();
    expect([code, stdout.split('\r\n')[1]]).to.deep.equal([0, '221 2.0.0 Bye']);
    expect((await sendmail(['-bs', '-S', '127.0.0.1:1'], 'QUIT\r\n')).code).to.equal(75);
  });

  it('logs in where the address says how', async () => {
    const server = await upstream({ keywords: ['AUTH PLAIN'] });
    const place = `smtp://bob:s%40cret@${addressOf(server)}?tls=none`;
    expect((await sendmail(['a@x.example'], 'x\n', { LONEDOT_SMTP: place })).code).to.equal(0);
    expect(server.commands).to.include(`AUTH PLAIN ${Buffer.from('\0bob\0s@cret').toString('base64')}`);
  });

  it('is what runs when it is called by the name of sendmail', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lonedot-sendmail-'));
    try {
      const server = await upstream();
      const link = join(folder, 'sendmail');
      symlinkSync(LONEDOT, link);
      // Whatever its name is, the file behind it is loaded as what it is.
      const program = new Program(LONEDOT.endsWith('.ts') ? `${folder}/sendmail` : link, ['-t'], {
        MP_SENDMAIL_SMTP_ADDR: addressOf(server),
        ...(LONEDOT.endsWith('.ts') ? { NODE_OPTIONS: '--import=tsx' } : {}),
      });
      program.child.stdin.end('To: a@x.example\n\nx\n');
      expect(await program.result()).to.deep.equal({ code: 0, stdout: '', stderr: '' });
      expect(server.mails.map(({ to }) => to.map(pathIn))).to.deep.equal([['a@x.example']]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe('fails with', () => {
    const failing = (answers: Record<string, string>): UpstreamOptions => ({
      answer: ({ phase, line }) => answers[`${phase} ${/<(\w)/.exec(line)?.[1] ?? ''}`.trim()],
    });

    for (const [what, options, code, stderr] of [
      [
        '69 for a refused mail',
        failing({ dot: '554 5.7.1 No spam' }),
        69,
        /^lonedot: not sent to <a@x\.example>: 554 5\.7\.1 No spam\n/,
      ],
      [
        '69 for a refused recipient among others',
        failing({ 'rcpt a': '550 5.1.1 Who?' }),
        69,
        /^lonedot: not sent to <a@x\.example>: 550 5\.1\.1 Who\?\n$/,
      ],
      [
        '75 for one that is put off',
        failing({ 'rcpt b': '451 4.3.0 Later' }),
        75,
        /^lonedot: not sent to <b@x\.example>: 451 4\.3\.0 Later\n$/,
      ],
      [
        '75 for a server that is busy',
        failing({ connect: '421 4.3.2 Later' }),
        75,
        /^lonedot: 127\.0\.0\.1:\d+: .*421/,
      ],
      ['75 for a connection that breaks', failing({ dot: 'drop' }), 75, /^lonedot: not sent to/],
    ] as const) {
      it(what, async () => {
        const server = await upstream(options);
        const result = await sendmail(['-S', addressOf(server), 'a@x.example', 'b@x.example'], 'x\n');
        expect(result.code).to.equal(code);
        expect(result.stderr).to.match(stderr);
      });
    }

    for (const [what, args, code, stderr] of [
      [
        '75 for a server that is not there',
        ['-S', '127.0.0.1:1', 'a@x.example'],
        75,
        /^lonedot: 127\.0\.0\.1:1: .*ECONNREFUSED/,
      ],
      [
        '68 for a host that is not there',
        ['-S', 'nowhere.invalid:25', 'a@x.example'],
        68,
        /^lonedot: nowhere\.invalid:25: .*ENOTFOUND/,
      ],
      ['64 without a recipient', [], 64, /^lonedot: there is no recipient: name some/],
      ['64 where the header names none', ['-t'], 64, /^lonedot: there is no recipient: the header names none/],
      ['64 for an option that is none', ['-Q'], 64, /^lonedot: unknown option -Q/],
      ['64 for an address that is none', ['-S', 'a b', 'a@x.example'], 64, /^lonedot: .*is no address/],
      ['64 for a mode of other sendmails', ['-bp'], 64, /^lonedot: --mode: expected one of m, s/],
    ] as const) {
      it(what, async () => {
        const result = await sendmail(args, 'Subject: x\n\nx\n');
        expect(result.code).to.equal(code);
        expect(result.stderr).to.match(stderr);
        expect(result.stderr.split('\n').length, 'lines').to.equal(2);
      });
    }
  });
});
