// `lonedot ingest` and `lonedot export`: mail out of files into a sink or a database, and back, byte for byte.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Upstream } from '../relay/support/upstream.ts';
import { LONEDOT, Program, type Result } from './run.ts';

const F = 'From a@x.example Sun Nov 22 15:07:00 2026\n';

/** The address in a command. */
const pathIn = (text: string): string => /<(.*?)>/.exec(text)![1]!;

describe('lonedot ingest and export', function () {
  this.timeout(30_000);
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-ingest-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function file(name: string, text: string): string {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text, 'latin1');
    return path;
  }

  async function lonedot(args: readonly string[], input = ''): Promise<Result> {
    const program = new Program(LONEDOT, args);
    program.child.stdin.end(input);
    return program.result();
  }

  it('sends files, mboxes, Maildirs and standard input to a server, in their order', async () => {
    const server = await Upstream.start();
    try {
      file('in/1.eml', 'Return-Path: <r@x.example>\nTo: one@x.example\n\n1');
      file(
        'in/2.mbox',
        `${F}To: two@x.example\n\n>From me\n\n${F.replace('a@x.example', '-')}From: f@x.example\nTo: three@x.example\n\n3\n`,
      );
      file('in/notes.txt', 'To: nobody@x.example\n\n');
      file('in/deep/4.EML', 'From: f@x.example\r\nDelivered-To: four@x.example\r\n\r\n4\r\n');
      file('md/cur/1:2,S', 'To: five@x.example\n\n5\n');
      file('md/new/2', 'To: six@x.example\n\n6\n');
      file('md/tmp/3', 'To: nobody@x.example\n\n');
      file('md/.Sent/cur/4', 'Return-Path: <>\nTo: seven@x.example\n\n7\n');
      mkdirSync(join(folder, 'md/.Sent/new'));
      const at = `127.0.0.1:${server.port}`;
      const result = await lonedot(
        ['ingest', join(folder, 'in'), join(folder, 'md'), '-', '-S', at],
        'To: eight@x.example\n\n8\n',
      );
      expect(result).to.deep.equal({ code: 0, stdout: result.stdout, stderr: '' });
      expect(result.stdout).to.match(/^8 mails taken in \(\d+\)\n$/);
      expect(
        server.mails.map(({ from, to, content }) => [
          pathIn(from),
          to.map(pathIn).join(),
          content.toString('latin1').split('\r\n\r\n')[1],
        ]),
      ).to.deep.equal([
        ['r@x.example', 'one@x.example', '1\r\n'],
        ['a@x.example', 'two@x.example', 'From me\r\n'],
        ['f@x.example', 'three@x.example', '3\r\n'],
        ['f@x.example', 'four@x.example', '4\r\n'],
        ['', 'five@x.example', '5\r\n'],
        ['', 'six@x.example', '6\r\n'],
        ['', 'seven@x.example', '7\r\n'],
        ['', 'eight@x.example', '8\r\n'],
      ]);
      expect(server.connections).to.equal(1);
    } finally {
      await server.stop();
    }
  });

  it('tells each failure in a line, and goes on', async () => {
    const server = await Upstream.start({
      answer: ({ phase, line }) => (phase === 'rcpt' && line.includes('bad') ? '550 5.1.1 Who?' : undefined),
    });
    try {
      const box = file('a.mbox', `${F}To: bad@x.example\n\n${F}Subject: none\n\n${F}To: good@x.example\n`);
      const text = file('b.txt', `From: x\nTo: good@x.example\n`);
      const args = [box, join(folder, 'nothing'), text, '-S', `127.0.0.1:${server.port}`];
      const result = await lonedot(['ingest', ...args]);
      expect(result.code).to.equal(1);
      expect(result.stderr).to.equal(
        `lonedot: ${box}:1: <bad@x.example>: 550 5.1.1 Who?\n` +
          `lonedot: ${box}:2: its header names no recipient; say who it is for with --to\n` +
          `lonedot: ${folder}/nothing: there is no such file\n`,
      );
      expect(result.stdout).to.match(/^2 mails taken in \(\d+\), 3 failed\n$/);
      const forced = await lonedot(['ingest', text, '--format', 'mbox', '-S', `127.0.0.1:${server.port}`]);
      expect(forced.stderr).to.equal(`lonedot: ${text}: it is no mbox: it does not begin with a "From " line\n`);
    } finally {
      await server.stop();
    }
  });

  it('stops when the server is gone', async () => {
    const box = file('a.mbox', `${F}To: a@x.example\n\n${F}To: b@x.example\n`);
    const result = await lonedot(['ingest', box, '-S', '127.0.0.1:1']);
    expect(result.code).to.equal(1);
    expect(result.stderr).to.match(/^lonedot: 127\.0\.0\.1:1: .*ECONNREFUSED[^\n]*\n$/);
  });

  for (const [args, why] of [
    [['ingest'], 'ingest needs a file, a folder, or - for standard input'],
    [['ingest', 'x', '-d', 'y', '-S', '1'], '--database and --smtp exclude each other'],
    [['ingest', 'x', '-S', 'no where'], 'is no address'],
    [['export'], 'export needs a folder, a file, or - to write to'],
    [['export', 'x'], 'export needs --database FILE or --from URL, one of them'],
    [['export', '-', '-d', 'x', '--format', 'eml'], '.eml files need a folder, not -'],
    [['export', 'x', '-d', 'x', '--query', 'nothing:x'], 'nothing:'],
  ] as const) {
    it(`refuses lonedot ${args.join(' ')}`, async () => {
      const { code, stderr } = await lonedot(args);
      expect(stderr).to.contain(why);
      expect(code).to.equal(2);
    });
  }

  it('writes to a database, and gets everything out again', async () => {
    const database = join(folder, 'a.db');
    const mails = [
      'Subject: one\r\n\r\nFrom here\r\n>From there\r\n',
      `Subject: two\r\n\r\n${'\xff.\r\n'.repeat(40_000)}`,
      'Subject: three\r\n\r\nno end',
    ];
    mails.forEach((mail, n) => {
      file(`in/${n}.eml`, mail);
    });
    const taken = await lonedot(['ingest', join(folder, 'in'), '-d', database, '--to', 'a@x.example', '--from', '<>']);
    expect(taken.stderr).to.equal('');
    expect(taken.stdout).to.match(/^3 mails taken in/);

    const out = join(folder, 'out');
    const exported = await lonedot(['export', out, '-d', database]);
    expect(exported).to.deep.equal({ code: 0, stdout: '', stderr: `3 mails written to ${out}\n` });
    const files = readdirSync(out).sort();
    // By SMTP, too, the last line would have got its end.
    const expected = mails.map((mail) => (mail.endsWith('\r\n') ? mail : `${mail}\r\n`));
    expect(files.map((name) => readFileSync(join(out, name), 'latin1'))).to.deep.equal(expected);

    const box = join(folder, 'all.mbox');
    expect((await lonedot(['export', box, '-d', database, '-q'])).stderr).to.equal('');
    const again = await lonedot(['export', box, '-d', database]);
    expect([again.code, again.stderr]).to.deep.equal([1, `lonedot: ${box}: there is a file of that name\n`]);
    const second = join(folder, 'b.db');
    expect((await lonedot(['ingest', box, '-d', second, '--to', 'a@x.example'])).code).to.equal(0);
    const copy = join(folder, 'copy');
    await lonedot(['export', copy, '-d', second]);
    expect(
      readdirSync(copy)
        .sort()
        .map((name) => readFileSync(join(copy, name), 'latin1')),
    ).to.deep.equal(expected);

    const found = await lonedot(['export', '-', '-d', database, '--query', 'subject:one']);
    expect(found.stdout).to.match(/^From MAILER-DAEMON [^\n]+\nSubject: one\n\n>From here\n>>From there\n\n$/);
  });

  it('gets everything out of a sink that runs', async () => {
    const sink = new Program(LONEDOT, ['-s', '127.0.0.1:0', '-l', '127.0.0.1:0', '--log-format', 'json']);
    try {
      await sink.printed(/"service":"web"/);
      const [, smtp] = /"service":"smtp","address":"([^"]+)"/.exec(sink.stdout)!;
      const [, web] = /"url":"([^"]+)"/.exec(sink.stdout)!;
      file('in/1.eml', 'To: a@x.example\nSubject: one\n\n1\n');
      file('in/2.eml', 'To: b@x.example\nSubject: two\n\n2\n');
      expect((await lonedot(['ingest', join(folder, 'in'), '-S', smtp!])).code).to.equal(0);
      const out = join(folder, 'out');
      expect((await lonedot(['export', out, '--from', web!])).stderr).to.equal(`2 mails written to ${out}\n`);
      const texts = readdirSync(out)
        .sort()
        .map((name) => readFileSync(join(out, name), 'latin1'));
      expect(texts.map((text) => /Subject: [\s\S]*/.exec(text)![0])).to.deep.equal([
        'Subject: one\r\n\r\n1\r\n',
        'Subject: two\r\n\r\n2\r\n',
      ]);
      const found = await lonedot(['export', '-', '--from', web!, '--query', 'subject:two']);
      expect(found.stdout.match(/^Subject: .*$/gm)).to.deep.equal(['Subject: two']);
      const bad = await lonedot(['export', '-', '--from', web!, '--query', 'nothing:x']);
      expect(bad.code).to.equal(2);
      expect(bad.stderr).to.contain('nothing:');
    } finally {
      sink.child.kill('SIGTERM');
      await sink.result();
    }
  });

  it('says what is wrong with a server that is none', async () => {
    const server = await Upstream.start();
    const from = `http://127.0.0.1:${server.port}/`;
    const mute = await lonedot(['export', '-', '--from', from]);
    await server.stop();
    expect(mute.code).to.equal(1);
    expect(mute.stderr).to.match(/^lonedot: http:\/\/127\.0\.0\.1:\d+\/: [^\n]+\n$/);
    const gone = await lonedot(['export', '-', '--from', from]);
    expect([gone.code, gone.stderr]).to.deep.equal([1, `lonedot: ${from}: ECONNREFUSED\n`]);
  });
});
