// `lonedot user`: the file of the users as an operator makes and changes it.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { askNewPassword, readPassword, type TerminalInput } from '../../cli/password.ts';
import { matches } from '../../relay/auth/credentials.ts';
import { readUsers } from '../../relay/auth/users-file.ts';
import { LONEDOT, Program, type Result } from './run.ts';

describe('lonedot user', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-user-'));
    file = join(folder, 'users');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function user(password: string | null, ...args: readonly string[]): Promise<Result> {
    const program = new Program(LONEDOT, ['user', ...args, '--users', file]);
    program.child.stdin.end(password === null ? '' : `${password}\n`);
    return program.result();
  }

  const STDIN = '--password-stdin';

  it('adds, changes, lists and removes users, and leaves the rest of the file alone', async () => {
    const added = await user('first secret', 'add', 'alice', STDIN);
    expect(added).to.deep.equal({ code: 0, stdout: `"alice" is added to ${file}\n`, stderr: '' });
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    writeFileSync(file, `# the users\n\n${readFileSync(file, 'utf8')}# the end\n`);
    chmodSync(file, 0o644);

    expect((await user('other', 'add', 'bob@example.com', STDIN, '--no-scram', '--cram-md5')).code).to.equal(0);
    expect(statSync(file).mode & 0o777, 'closed to others').to.equal(0o640);
    expect((await user('second', 'passwd', 'alice', STDIN)).code).to.equal(0);
    const users = await readUsers(file);
    expect(await matches('second', users.get('alice')!)).to.equal(true);
    expect(await matches('other', users.get('bob@example.com')!)).to.equal(true);
    expect(readFileSync(file, 'utf8')).to.match(
      /^# the users\n\nalice:\$scrypt\S+\n# the end\nbob@example\.com:\S+\n$/,
    );

    const listed = await user(null, 'list');
    expect(listed.stdout).to.equal('alice  scrypt scram-sha-256\nbob@example.com  scrypt cram-md5\n');
    expect((await user(null, 'remove', 'alice')).code).to.equal(0);
    const json = await user(null, 'list', '--json');
    expect(json.stdout).to.equal('{"name":"bob@example.com","kept":["scrypt","cram-md5"]}\n');
    expect(existsSync(`${file}.new`)).to.equal(false);
  }).timeout(30_000);

  it('prints the line for --user with hash, and changes nothing', async () => {
    const { code, stdout } = await user('secret', 'hash', 'alice', STDIN);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^alice:\$scrypt\$[^:]+:\$scram-sha-256\$\S+\n$/);
    expect(existsSync(file)).to.equal(false);
  }).timeout(10_000);

  const cases: readonly (readonly [what: string, password: string | null, args: readonly string[], said: string])[] = [
    ['a user that is there already', 'x', ['add', 'carol', STDIN], 'the user "carol" is there already'],
    ['a user that is not there', 'x', ['passwd', 'dave', STDIN], 'there is no user "dave"'],
    ['a name that no file can hold', 'x', ['add', 'a:b', STDIN], 'a user name has no colon'],
    ['no name', 'x', ['add', STDIN], 'user add needs the name of a user'],
    ['no password', '', ['add', 'dave', STDIN], 'the password is empty'],
    ['a password with control characters', 'a\x07', ['add', 'dave', STDIN], 'the password holds control characters'],
    ['no terminal', null, ['add', 'dave'], 'there is no terminal to ask for the password at'],
    ['a password on the command line', null, ['add', 'dave', 'secret'], 'unexpected argument "secret"'],
  ];
  for (const [what, password, args, said] of cases) {
    it(`refuses ${what}, and leaves the file as it was`, async () => {
      writeFileSync(file, 'carol:$scrypt$ln=10,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAA\n', { mode: 0o600 });
      const before = readFileSync(file, 'utf8');
      const { code, stderr } = await user(password, ...args);
      expect(stderr).to.contain(said);
      expect(stderr.trimEnd()).not.to.contain('\n');
      expect(code).to.equal(2);
      expect(readFileSync(file, 'utf8')).to.equal(before);
      expect(existsSync(`${file}.new`)).to.equal(false);
    }).timeout(10_000);
  }

  it('waits for nobody who edits the file at the same time, but says so', async () => {
    writeFileSync(`${file}.new`, '');
    const { code, stderr } = await user('x', 'add', 'alice', STDIN);
    expect(code).to.equal(2);
    expect(stderr).to.contain(`${file}.new cannot be made: it is there`);
    expect(existsSync(`${file}.new`), "somebody else's draft stays").to.equal(true);
  }).timeout(10_000);

  it('wants to know the file', async () => {
    const program = new Program(LONEDOT, ['user', 'list']);
    const { code, stderr } = await program.result();
    expect([code, stderr]).to.deep.equal([2, 'lonedot: --users FILE is required (or LONEDOT_USERS)\n']);
  }).timeout(10_000);
});

describe('the prompt for a password', () => {
  class Terminal extends PassThrough implements TerminalInput {
    readonly isTTY = true;
    readonly modes: boolean[] = [];
    setRawMode(raw: boolean): void {
      this.modes.push(raw);
    }
  }

  async function type(...keys: readonly string[]): Promise<{ shown: string; password: string; modes: boolean[] }> {
    const terminal = new Terminal();
    const screen = new PassThrough();
    const asked = askNewPassword('alice', terminal, screen);
    for (const key of keys) terminal.write(key);
    const password = await asked.catch((error: Error) => `refused: ${error.message}`);
    return { shown: String(screen.read()), password, modes: terminal.modes };
  }

  it('asks twice and shows nothing of it', async () => {
    const { shown, password, modes } = await type('secret\r', 'secret\r');
    expect(password).to.equal('secret');
    expect(shown).to.equal('New password for alice: \nThe same once more: \n');
    expect(modes).to.deep.equal([true, false, true, false]);
  });

  it('keeps what is typed ahead, as one who pastes does', async () => {
    expect((await type('secret\rsecret\r')).password).to.equal('secret');
  });

  it('lets one correct it', async () => {
    expect((await type('x\x15sé\x7fecre\x7fet\r', 'secret\r')).password).to.equal('secret');
  });

  it('refuses two that differ', async () => {
    expect((await type('secret\r', 'Secret\r')).password).to.contain('the two passwords differ');
  });

  it('gives the terminal back when it is broken off', async () => {
    const { password, modes } = await type('sec\x03');
    expect(password).to.contain('no password was given');
    expect(modes).to.deep.equal([true, false]);
  });

  it('takes the first line of a pipe', async () => {
    const pipe = new PassThrough();
    pipe.end('secret word\r\nmore\n');
    expect(await readPassword(pipe)).to.equal('secret word');
  });
});
