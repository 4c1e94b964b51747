// POP3 as a client has it: dialogues, in every cutting of what the client sends.
import { expect } from 'chai';
import { everySplit } from '../../../src/every-split.ts';
import { until } from '../../support/within.ts';
import { authPlain, base64, TEST_TLS, testLogins } from '../support/secure-client.ts';
import { lines, Pop3Scene } from './pop3-scene.ts';

const IN = ['USER alice', 'PASS secret'];
const MAIL = 'Subject: 1\r\n\r\nbody\r\n';
const idOf = (n: number): string => `m${String(n).padStart(21, '0')}`;

/** What the server says behind the greeting and the two replies of the login. */
async function said(mails: readonly string[], ...commands: readonly string[]): Promise<string> {
  const text = await everySplit(lines(...IN, ...commands, 'QUIT'), async (chunks) =>
    (await Pop3Scene.make(mails)).talk(chunks),
  );
  expect(text).to.match(/^\+OK mx\.example lonedot POP3\r\n\+OK [^\r]+\r\n\+OK \d+ messages, \d+ octets\r\n/);
  expect(text).to.match(/\+OK bye\r\n$/);
  return text
    .split('\r\n')
    .slice(3, -2)
    .map((line) => `${line}\n`)
    .join('');
}

describe('POP3', () => {
  for (const [what, mails, commands, replies] of [
    ['STAT and LIST', [MAIL, 'x\r\n'], ['STAT', 'LIST', 'LIST 2'], '+OK 2 23\n+OK 2 messages\n1 20\n2 3\n.\n+OK 2 3\n'],
    ['UIDL', [MAIL], ['UIDL', 'UIDL 1'], `+OK 1 messages\n1 ${idOf(1)}\n.\n+OK 1 ${idOf(1)}\n`],
    ['an empty inbox', [], ['STAT', 'LIST', 'UIDL'], '+OK 0 0\n+OK 0 messages\n.\n+OK 0 messages\n.\n'],
    ['RETR', [MAIL], ['RETR 1'], '+OK 20 octets\nSubject: 1\n\nbody\n.\n'],
    ['RETR of dots', ['.\r\n..x\r\n.y.\r\n'], ['RETR 1'], '+OK 13 octets\n..\n...x\n..y.\n.\n'],
    ['RETR of a mail without an end', ['a\r\nb'], ['LIST 1', 'RETR 1'], '+OK 1 6\n+OK 6 octets\na\nb\n.\n'],
    ['RETR of a mail that ends in a dot', ['a\r\n.'], ['RETR 1'], '+OK 6 octets\na\n..\n.\n'],
    ['RETR of an empty mail', [''], ['LIST 1', 'RETR 1'], '+OK 1 0\n+OK 0 octets\n.\n'],
    ['TOP', ['A: 1\r\nB: 2\r\n\r\n1\r\n.2\r\n3\r\n'], ['TOP 1 2'], '+OK\nA: 1\nB: 2\n\n1\n..2\n.\n'],
    ['TOP 0', ['A: 1\r\n\r\n1\r\n'], ['TOP 1 0'], '+OK\nA: 1\n\n.\n'],
    ['TOP of more than there is', ['A: 1\r\n\r\n1'], ['TOP 1 999'], '+OK\nA: 1\n\n1\n.\n'],
    ['TOP of a mail without a body', ['A: 1\r\n'], ['TOP 1 1'], '+OK\nA: 1\n.\n'],
    [
      'DELE',
      [MAIL, 'x\r\n'],
      ['DELE 1', 'LIST', 'STAT', 'RETR 1', 'DELE 1', 'LIST 1'],
      `+OK message 1 goes at QUIT\n+OK 1 messages\n2 3\n.\n+OK 1 3\n${'-ERR no such message\n'.repeat(3)}`,
    ],
    ['RSET', [MAIL], ['DELE 1', 'RSET', 'STAT'], '+OK message 1 goes at QUIT\n+OK 1 messages, 20 octets\n+OK 1 20\n'],
    ['NOOP, in small letters', [], ['noop', 'stat'], '+OK\n+OK 0 0\n'],
    [
      'numbers that are none',
      [MAIL],
      ['RETR', 'RETR 0', 'RETR 2', 'RETR x', 'RETR 1e0', 'RETR -1', 'LIST 99999999999'],
      '-ERR no such message\n'.repeat(7),
    ],
    [
      'TOP without its numbers',
      [MAIL],
      ['TOP 1', 'TOP 1 -1', 'TOP 2 1'],
      `${'-ERR write TOP, the number of a message, and a number of lines\n'.repeat(2)}-ERR no such message\n`,
    ],
    ['commands that are none', [], ['XTND', '', 'LAST'], '-ERR no such command\n'.repeat(3)],
    ['a second login', [], ['USER alice'], '-ERR you have logged in already\n'],
  ] as const) {
    it(`answers ${what}`, async () => {
      expect(await said(mails, ...commands)).to.equal(replies);
    });
  }

  it('gives the size of what it sends, whatever the mail is', async () => {
    for (const mail of ['', '.', '\r', '\n', 'x\n', '\r\n', '.\r\n.\r\n', 'a\r', '.\r\n\r\n..', 'x'.repeat(5000)]) {
      const scene = await Pop3Scene.make([mail]);
      const text = await scene.talk([lines(...IN, 'LIST 1', 'RETR 1', 'QUIT')]);
      const [, size, content] = /\+OK 1 (\d+)\r\n\+OK \d+ octets\r\n(.*)\.\r\n\+OK bye\r\n$/s.exec(text)!;
      const received = content!.replaceAll(/(^|\r\n)\.\./g, '$1.');
      expect(received.startsWith(mail), JSON.stringify(mail)).to.equal(true);
      expect(received.length, JSON.stringify(mail)).to.equal(Number(size));
    }
  });

  it('deletes at QUIT what was marked, and nothing when the client just goes', async () => {
    const scene = await Pop3Scene.make([MAIL, MAIL, MAIL]);
    await scene.talk([lines(...IN, 'DELE 1', 'DELE 3')]);
    expect(scene.inbox.deleted).to.deep.equal([]);
    await scene.talk([lines(...IN, 'DELE 1', 'DELE 3', 'QUIT')]);
    expect(scene.inbox.deleted).to.deep.equal([idOf(1), idOf(3)]);
  });

  it('says so when not everything could be deleted', async () => {
    const scene = await Pop3Scene.make([MAIL]);
    scene.inbox.delete = () => Promise.reject(new Error('the disk is full'));
    expect(await scene.talk([lines(...IN, 'DELE 1', 'QUIT')])).to.match(
      /-ERR \[SYS\/TEMP\] not everything was deleted\r\n$/,
    );
    expect(scene.log.levels('pop3.delete_failed')).to.deep.equal(['error']);
  });

  it('keeps its numbers while mail comes and goes', async () => {
    const scene = await Pop3Scene.make([MAIL, 'second\r\n']);
    const talk = scene.talk([lines(...IN, 'STAT'), lines('RETR 1', 'RETR 2', 'STAT', 'QUIT')], async (said) => {
      await until(2000, () => said().includes('+OK 2 28\r\n'));
      scene.inbox.mails.shift();
      scene.inbox.add('third\r\n');
    });
    expect(await talk).to.match(
      /-ERR the message has been deleted by somebody else\r\n\+OK 8 octets\r\nsecond\r\n\.\r\n\+OK 2 28\r\n\+OK bye/,
    );
  });

  it('shows the users of a namespace that part of the inbox, and lets them delete nothing else', async () => {
    const scene = await Pop3Scene.make([MAIL, { content: 'theirs\r\n', namespace: 'run-1' }, MAIL]);
    const namespace = { createdAt: 0, expiresAt: null, recipients: [], ports: [], headers: [] };
    scene.inbox.known = [{ name: 'run-1', users: ['alice'], ...namespace }];
    const text = await scene.talk([lines(...IN, 'UIDL', 'DELE 1', 'DELE 2', 'QUIT')]);
    expect(text).to.contain(`+OK 1 messages\r\n1 ${idOf(2)}\r\n.\r\n`);
    expect(scene.inbox.deleted).to.deep.equal([idOf(2)]);
  });

  it('packs more than a page of mails', async () => {
    const scene = await Pop3Scene.make(Array.from({ length: 4345 }, (_, i) => `${i}\r\n`));
    const text = await scene.talk([lines(...IN, 'UIDL', 'RETR 4345', 'QUIT')]);
    const uids = /\+OK 4345 messages\r\n(.*?)\r\n\.\r\n/s.exec(text)![1]!.split('\r\n');
    expect(uids).to.deep.equal(scene.inbox.mails.map(({ id }, i) => `${i + 1} ${id}`));
    expect(text).to.contain('+OK 6 octets\r\n4344\r\n.\r\n');
  });
});

describe('logging in to POP3', () => {
  const dialogue = async (...commands: readonly string[]): Promise<string> => {
    const text = await everySplit(lines(...commands), async (chunks) => (await Pop3Scene.make()).talk(chunks));
    return text.replace(/^.*\r\n/, '').replaceAll('\r\n', '\n');
  };

  for (const [what, commands, replies] of [
    [
      'a wrong password',
      ['USER alice', 'PASS wrong'],
      '+OK and the password?\n-ERR [AUTH] Authentication credentials invalid\n',
    ],
    ['PASS without USER', ['PASS secret'], '-ERR send USER first\n'],
    [
      'PASS twice',
      ['USER alice', 'PASS x', 'PASS secret'],
      '+OK and the password?\n-ERR [AUTH] Authentication credentials invalid\n-ERR send USER first\n',
    ],
    ['a name that is none', ['USER', 'USER '], '-ERR write USER and a name\n'.repeat(2)],
    ['AUTH PLAIN at once', [authPlain('alice', 'secret')], '+OK 0 messages, 0 octets\n'],
    ['AUTH PLAIN in two steps', ['AUTH PLAIN', base64('\0alice\0secret')], '+ \n+OK 0 messages, 0 octets\n'],
    [
      'AUTH LOGIN',
      ['AUTH LOGIN', base64('alice'), base64('secret')],
      '+ VXNlcm5hbWU6\n+ UGFzc3dvcmQ6\n+OK 0 messages, 0 octets\n',
    ],
    ['AUTH that is given up', ['AUTH PLAIN', '*', 'NOOP'], '+ \n-ERR given up\n-ERR log in first\n'],
    [
      'AUTH that is no base64',
      ['AUTH PLAIN', '???', 'AUTH PLAIN ???'],
      '+ \n-ERR that is not base64\n-ERR that is not base64\n',
    ],
    ['AUTH of another kind', ['AUTH NTLM'], '-ERR Authentication mechanism not available\n'],
    ['AUTH without a word', ['AUTH'], '+OK\nSCRAM-SHA-256\nCRAM-MD5\nPLAIN\nLOGIN\n.\n'],
    ['commands of the other state', ['STAT', 'RETR 1', 'DELE 1'], '-ERR log in first\n'.repeat(3)],
    ['STLS without a certificate', ['STLS'], '-ERR there is no certificate here\n'],
    ['QUIT', ['QUIT'], '+OK bye\n'],
    [
      'CAPA',
      ['CAPA'],
      '+OK these\nUSER\nSASL SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN\nTOP\nUIDL\nPIPELINING\nRESP-CODES\nAUTH-RESP-CODE\nIMPLEMENTATION lonedot\n.\n',
    ],
  ] as const) {
    // A failed login takes its time, which in every cutting would be a minute.
    const isSlow = what.startsWith('a wrong') || what === 'PASS twice';
    it(`answers ${what}`, async () => {
      const whole = async (): Promise<string> =>
        (await (await Pop3Scene.make()).talk([lines(...commands)])).replace(/^.*\r\n/, '').replaceAll('\r\n', '\n');
      expect(isSlow ? await whole() : await dialogue(...commands)).to.equal(replies);
    });
  }

  it('takes blanks in a password for a part of it', async () => {
    const auth = await testLogins({ passwords: async (name, password) => (password === ' a b ' ? name : null) });
    const scene = await Pop3Scene.make([], { auth });
    expect(await scene.talk([lines('USER bob', 'PASS  a b ', 'QUIT')])).to.match(
      /\+OK 0 messages, 0 octets\r\n\+OK bye/,
    );
  });

  it('wants TLS first where there is a certificate', async () => {
    const scene = await Pop3Scene.make([], { auth: await testLogins({ needsTls: true }), tls: TEST_TLS });
    const text = await scene.talk([lines('CAPA', 'USER alice', 'PASS secret', authPlain('alice', 'secret'), 'QUIT')]);
    expect(text).to.contain('+OK these\r\nSTLS\r\nTOP\r\n');
    expect(text).to.contain(
      '-ERR send STLS first: names and passwords are taken under TLS only\r\n-ERR send USER first\r\n' +
        '-ERR Encryption required for authentication; send STLS first\r\n',
    );
  });

  it('logs names and no passwords', async () => {
    const log = (await Pop3Scene.make()).log;
    const scene = await Pop3Scene.make([], { auth: await testLogins({ log }), log });
    await scene.talk([lines('USER alice', 'PASS hush-hush', authPlain('alice', 'hush-hush'), 'QUIT')]);
    const text = JSON.stringify(log.records);
    expect(text).to.contain('alice');
    expect(text).to.not.match(/hush|aHVzaC/);
  });

  it('says so when the inbox cannot be read', async () => {
    const scene = await Pop3Scene.make([MAIL]);
    scene.inbox.failsWith = new Error('the disk is gone');
    expect(await scene.talk([lines(...IN, 'STAT', 'QUIT')])).to.match(
      /-ERR \[SYS\/TEMP\] the inbox cannot be read now\r\n-ERR log in first\r\n\+OK bye/,
    );
  });
});

describe('the limits of POP3', () => {
  it('refuses a line that is too long and reads on behind it', async () => {
    const scene = await Pop3Scene.make();
    const text = await scene.talk([lines(`USER ${'x'.repeat(5000)}`, ...IN, 'STAT', 'QUIT')]);
    expect(text).to.match(/POP3\r\n-ERR the line is too long\r\n\+OK and the password\?\r\n/);
    expect(text).to.match(/\+OK 0 0\r\n\+OK bye/);
  });

  it('ends a session with too many errors', async () => {
    const scene = await Pop3Scene.make([], { maxErrors: 3 });
    expect(await scene.talk([lines('A', 'B', 'C', 'D')])).to.match(
      /POP3\r\n-ERR no such command\r\n-ERR no such command\r\n-ERR too many errors\r\n$/,
    );
  });

  it('ends what is no POP3 at once, and runs nothing behind it', async () => {
    const scene = await Pop3Scene.make([MAIL]);
    const text = await scene.talk([lines('POST / HTTP/1.1', ...IN, 'DELE 1', 'QUIT')]);
    expect(text).to.match(/POP3\r\n-ERR this is a POP3 server\r\n$/);
    const tls = await scene.talk([Buffer.from([0x16, 3, 1, 0, 200])]);
    expect(tls).to.match(/POP3\r\n-ERR TLS cannot start here\r\n$/);
    expect(scene.inbox.deleted).to.deep.equal([]);
  });
});
