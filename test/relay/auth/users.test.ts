// Who may log in: users from options and from a file that changes while we run.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { matches } from '../../../relay/auth/credentials.ts';
import { Users } from '../../../relay/auth/users.ts';
import { ChatError } from '../../../src/errors.ts';
import { RecordingLog } from '../support/recording-log.ts';

const HASH = '$scrypt$ln=10,r=8,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAA';

describe('Users', () => {
  let folder: string;
  let file: string;
  let log: RecordingLog;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-users-'));
    file = join(folder, 'users');
    log = new RecordingLog();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function open(text: string | null, lines: readonly string[] = [], allowWeak = false): Promise<Users> {
    if (text !== null) writeFileSync(file, text, { mode: 0o600 });
    return Users.open({ lines, file: text === null ? undefined : file, allowWeak }, log);
  }

  async function refusal(promise: Promise<unknown>): Promise<string> {
    const error: unknown = await promise.then(
      () => expect.fail('it was taken'),
      (e) => e,
    );
    expect(error).to.be.instanceOf(ChatError).with.property('code', 'BAD_OPTION');
    return (error as ChatError).message;
  }

  it('come from options and from a file with remarks', async () => {
    const users = await open(`# people\n\nbob:${HASH}\r\ncarol@example.com:${HASH}\n`, [`alice:${HASH}`]);
    for (const name of ['alice', 'bob', 'carol@example.com']) expect(users.find(name), name).not.to.equal(null);
    expect(users.find('dave')).to.equal(null);
    expect(users.isEmpty).to.equal(false);
    expect(log.records).to.deep.equal([]);
  });

  it('offer what some of them have', async () => {
    const none = await open(`bob:${HASH}\n`);
    expect([none.hasCramMd5, none.hasScram]).to.deep.equal([false, false]);
    const both = await open(`bob:${HASH}\neve:$cram-md5$${Buffer.alloc(32).toString('base64')}\n`, ['al:pw'], true);
    expect([both.hasCramMd5, both.hasScram]).to.deep.equal([true, true]);
  });

  it('keep their passwords in the clear on a sink only', async () => {
    const sink = await open('bob:secret:with:colons\n', ['alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='], true);
    expect(await matches('secret:with:colons', sink.find('bob')!)).to.equal(true);
    expect(await matches('secret', sink.find('alice')!)).to.equal(true);
    expect(await refusal(open('bob:secret\n'))).to.contain('the user "bob" is not hashed; lonedot user hash');
    expect(await refusal(open(null, ['alice:secret']))).to.contain('the user "alice" is not hashed');
  });

  it('are read again when the file changes, and stay as they were when it is bad', async () => {
    const users = await open(`bob:${HASH}\n`);
    const bob = users.find('bob');
    writeFileSync(file, `bob:${HASH}\ncarol:${HASH}\n`);
    users.lookSoon();
    await Promise.all([users.refresh(), users.refresh()]);
    expect(users.find('carol')).not.to.equal(null);
    expect(users.find('bob'), 'the same object: nothing about him has changed').to.equal(bob);
    expect(log.of('users.reloaded')).to.have.length(1);

    writeFileSync(file, 'carol\n');
    users.lookSoon();
    await users.refresh();
    expect(users.find('carol')).not.to.equal(null);
    rmSync(file);
    users.lookSoon();
    await users.refresh();
    expect(users.find('carol')).not.to.equal(null);
    expect(log.of('users.reload_failed').map(({ fields: { error } }) => error)).to.deep.equal([
      `${file}:1: expected NAME:HASH`,
      `${file}: cannot be read: there is no such file`,
    ]);
  });

  it('complain about a file that everybody can read', async () => {
    writeFileSync(file, `bob:${HASH}\n`);
    chmodSync(file, 0o644);
    await Users.open({ lines: [], file, allowWeak: false }, log);
    expect(log.levels('users.readable_by_others')).to.deep.equal(['warn']);
  });

  for (const [what, text, lines, said] of [
    ['a line without a colon', 'x\nbob\n', [], ':1: expected NAME:HASH'],
    ['a user twice', `bob:${HASH}\nbob:${HASH}\n`, [], ':2: the user "bob" is there twice'],
    ['a user twice among the options', null, [`bob:${HASH}`, `bob:${HASH}`], 'user: "bob" is there twice'],
    ['a user in both places', `bob:${HASH}\n`, [`bob:${HASH}`], 'the user "bob" is among the options as well'],
    ['a name with control characters', `b\u0007b:${HASH}\n`, [], ':1: a user name has no colon'],
    ['a name with blanks around it', ` bob:${HASH}\n`, [], ':1: a user name has no colon'],
    ['bcrypt', 'bob:$2y$05$secretsecretsecret\n', [], ':1: a hash of the kind "2y"'],
    ['no password', 'bob:\n', [], ':1: there is no password behind the name'],
  ] as const) {
    it(`refuse ${what}`, async () => {
      const message = await refusal(open(text, lines));
      expect(message).to.contain(said).and.not.to.contain('secret');
    });
  }
});
