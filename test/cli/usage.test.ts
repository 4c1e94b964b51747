// Every mistake of a user: its exit code, and one line on stderr that says what is wrong and what would be right.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { run } from './run.ts';

const UPSTREAM = ['--upstream', 'smtp://smtp.example.com'];

describe('lonedot told something wrong', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-usage-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const cases: readonly (readonly [what: string, args: readonly string[], expected: string])[] = [
    ['an unknown option', ['--smpt', '1025'], 'unknown option --smpt; did you mean --smtp?'],
    ['an unknown option with a value', ['--databse=x'], 'unknown option --databse; did you mean --database?'],
    ['an alias that is mistyped', ['--smtp-max-recipient', '5'], 'did you mean --smtp-max-recipients?'],
    ['an option in camelCase', ['--maxRecipients', '5'], 'did you mean --max-recipients?'],
    ['an unknown letter', ['-z'], 'unknown option -z; see --help for those there are'],
    ['an option of another command', ['relay', '--upstream', 'smtp://h', '--max', '5'], 'unknown option --max; '],
    ['an unknown command', ['rely'], 'unknown command "rely"; did you mean "relay"?'],
    ['a command that is like no other', ['frobnicate'], 'there are sink, relay, proxy, '],
    ['a command behind options', ['-s', '1025', 'relay'], 'unexpected argument "relay"; the command comes first'],
    ['too many arguments', ['proxy', '1', 'h:2', '3'], 'unexpected argument "3"'],
    ['an option without its value', ['-s'], '--smtp needs a value'],
    ['an option whose value is an option', ['-s', '-q'], '--smtp needs a value'],
    ['an empty value', ['--database='], '--database needs a value'],
    ['a bad port', ['-s', '99999'], '--smtp: "99999" is no address: the port must be'],
    ['a bad address in a list', ['-s', '1025', '-s', 'nowhere'], '--smtp: "nowhere" is no address'],
    ['a bad number', ['-m', 'many'], '--max: expected a whole number (0: no limit), got "many"'],
    ['a negative number', ['-m', '-1'], '--max: expected a whole number (0: no limit), got "-1"'],
    ['a number out of range', ['--max-recipients', '0'], 'expected a whole number from 1 to 65536, got "0"'],
    ['a duration without unit', ['--idle-timeout', '60'], '--idle-timeout: expected a duration such as'],
    ['a size in Mailpit megabytes', ['--max-message-size', '50'], 'of at least 1k, or 0 (no limit), got "50"'],
    ['a bad choice', ['--line-endings', 'crlf'], 'expected one of strict, normalise, preserve, got "crlf"'],
    ['a relay without upstream', ['relay'], '--upstream is required (or LONEDOT_UPSTREAM, or "upstream" in the'],
    ['an upstream that is no URL', ['relay', '--upstream', 'u:secret@h'], '--upstream: expected a URL such as smtp:'],
    ['an upstream of another protocol', ['relay', '--upstream', 'http://u:secret@h'], 'expected a URL such as smtp:'],
    ['retries in the wrong order', ['relay', ...UPSTREAM, '--retry-min', '2h'], 'retry-min is longer than retry-max'],
    ['a proxy with nothing', ['proxy'], 'LISTEN is missing'],
    ['a proxy without upstream', ['proxy', '1143'], 'UPSTREAM is missing'],
    ['a proxy to a descriptor', ['proxy', '1143', 'fd:3'], 'UPSTREAM: fd:3 is nothing to connect to'],
    ['serve without a file', ['serve'], '--config FILE is required (or LONEDOT_CONFIG)'],
    ['loud and quiet', ['-v', '-q'], '--verbose and --quiet exclude each other'],
    ['a config that is not there', ['-c', '/nonexistent.json'], '/nonexistent.json: cannot be read: there is no such'],
    ['a config that is a folder', ['check', '-c', '/'], '/: cannot be read: it is a directory'],
  ];
  for (const [what, args, expected] of cases) {
    it(`refuses ${what}: lonedot ${args.join(' ')}`, async () => {
      expectOneLine(await run(args), expected);
    });
  }

  const files: readonly (readonly [what: string, content: string, expected: string])[] = [
    ['not JSON', '{\n  "relay": {\n    "upstream": secret\n', 'config.json:3:17: not valid JSON'],
    ['an unknown section', '{"realy": {}}', 'config.json: unknown key "realy"; did you mean "relay"?'],
    ['an unknown key', '{"sink": {"maxRecipient": 1}}', 'config.json: sink: unknown key "maxRecipient"; did you mean'],
    ['a wrong type', '{"sink": {"max": "many"}}', 'config.json: sink.max: expected a whole number'],
    ['a bad value', '{"sink": {"smtp": ["nowhere"]}}', 'config.json: sink.smtp: "nowhere" is no address'],
    ['a section that is a list', '{"sink": []}', 'config.json: sink: expected an object, got a list'],
    ['no service', '{"log": {"quiet": false}}', 'nothing to start: it has neither "sink", "relay"'],
    ['a relay without upstream', '{"relay": {}}', 'config.json: relay.upstream is required: expected a URL'],
    ['a proxy without upstream', '{"proxies": [{"listen": 1143}]}', 'config.json: proxies[0].upstream is required'],
    ['one address twice', '{"sink": {}, "proxies": [{"listen": 1025, "upstream": "h:1"}]}', 'sink and proxies[0] both'],
  ];
  for (const [what, content, expected] of files) {
    it(`refuses a config file with ${what}`, async () => {
      const file = join(folder, 'config.json');
      writeFileSync(file, content);
      expectOneLine(await run(['check', '-c', file]), expected);
    });
  }

  it('refuses a bad variable by its name', async () => {
    expectOneLine(await run([], { LONEDOT_MAX: 'many' }), 'LONEDOT_MAX: expected a whole number');
    expectOneLine(await run([], { MP_SMTP_BIND_ADDR: ':25' }), 'MP_SMTP_BIND_ADDR: ":25" is no address');
  });

  it('shows a stack with --verbose only', async () => {
    const { code, stderr } = await run(['-v', '-s', '99999']);
    expect(code).to.equal(2);
    expect(stderr).to.match(/^lonedot: --smtp: .*\n(.*\n)+ {4}at /);
  });

  it('tells a failure as JSON where the log is JSON', async () => {
    const { code, stderr } = await run(['--log-format', 'json', '-s', '99999']);
    expect(code).to.equal(2);
    expect(JSON.parse(stderr)).to.include({ level: 'error', event: 'program.failed' });
  });
});

function expectOneLine(
  { code, stdout, stderr }: { code: number | null; stdout: string; stderr: string },
  expected: string,
) {
  expect(stderr).to.match(/^lonedot: [^\n]+\n$/);
  expect(stderr).to.contain(expected);
  expect(stderr).not.to.contain('secret');
  expect(stdout).to.equal('');
  expect(code).to.equal(2);
}
