// The SASL mechanisms by themselves: the examples of their RFCs, and what each refuses.
import { expect } from 'chai';
import { oauthBearer, xoauth2 } from '../../../relay/auth/bearer.ts';
import { cramMd5 } from '../../../relay/auth/cram-md5.ts';
import { external } from '../../../relay/auth/external.ts';
import { hmacMd5, hmacMd5State } from '../../../relay/auth/hmac-md5.ts';
import { login, plain } from '../../../relay/auth/plain.ts';
import { AUTH_REPLIES, type SaslExchange, type SaslStep } from '../../../relay/auth/sasl.ts';
import { scramSha256 } from '../../../relay/auth/scram.ts';
import { decoyVerifier, makeScramVerifier, parseScram } from '../../../relay/auth/scram-verifier.ts';

const alice = async (name: string, password: string): Promise<string | null> =>
  name === 'alice' && password === 'secret' ? name : null;

/** Says the lines one after the other (null: AUTH without a first response); gives the last step in short. */
async function talk(exchange: SaslExchange, ...lines: readonly (string | null)[]): Promise<string> {
  let step: SaslStep | undefined;
  for (const line of lines) step = await exchange.respond(line === null ? null : Buffer.from(line, 'utf8'));
  return short(step!);
}

function short(step: SaslStep): string {
  if ('challenge' in step) return `challenge ${step.challenge}`;
  return 'user' in step ? `user ${step.user}` : `${step.refused.code} ${step.refused.status}`;
}

describe('PLAIN (RFC 4616)', () => {
  const cases: readonly (readonly [what: string, lines: readonly (string | null)[], expected: string])[] = [
    ['lets in by name and password', ['\0alice\0secret'], 'user alice'],
    ['asks for them when they did not come along', [null], 'challenge '],
    ['takes them then', [null, '\0alice\0secret'], 'user alice'],
    ['lets a user act for itself', ['alice\0alice\0secret'], 'user alice'],
    ['lets nobody act for another (T9)', ['bob\0alice\0secret'], '535 5.7.8'],
    ['refuses a wrong password', ['\0alice\0wrong'], '535 5.7.8'],
    ['refuses an unknown user', ['\0bob\0secret'], '535 5.7.8'],
    ['refuses CR LF in the name (T9)', ['\0alice\r\nMAIL\0secret'], '501 5.5.2'],
    ['refuses one NUL too many (T9)', ['\0ali\0ce\0secret'], '501 5.5.2'],
    ['refuses a name of nothing', ['\0\0secret'], '501 5.5.2'],
    ['refuses two parts', ['alice\0secret'], '501 5.5.2'],
    ['refuses what is not a message', [''], '501 5.5.2'],
  ];
  for (const [what, lines, expected] of cases) {
    it(what, async () => expect(await talk(plain(alice), ...lines)).to.equal(expected));
  }

  it('refuses what is not UTF-8', async () => {
    expect(short(await plain(alice).respond(Buffer.from('\0ali\xe9\0secret', 'latin1')))).to.equal('501 5.5.2');
  });

  it('says that it has no time to look', async () => {
    expect(
      await talk(
        plain(async () => 'busy'),
        '\0alice\0secret',
      ),
    ).to.equal('454 4.7.0');
  });
});

describe('LOGIN', () => {
  const cases: readonly (readonly [what: string, lines: readonly (string | null)[], expected: string])[] = [
    ['asks for the name', [null], 'challenge Username:'],
    ['asks for the password', [null, 'alice'], 'challenge Password:'],
    ['lets in', [null, 'alice', 'secret'], 'user alice'],
    ['takes the name along with AUTH', ['alice', 'secret'], 'user alice'],
    ['refuses a wrong password', ['alice', 'wrong'], '535 5.7.8'],
    ['refuses control characters in the name', [null, 'al\x1bice'], '501 5.5.2'],
    ['refuses an empty name', [null, ''], '501 5.5.2'],
  ];
  for (const [what, lines, expected] of cases) {
    it(what, async () => expect(await talk(login(alice), ...lines)).to.equal(expected));
  }
});

describe('CRAM-MD5 (RFC 2195)', () => {
  const state = hmacMd5State(Buffer.from('tanstaaftanstaaf'));
  const nobody = hmacMd5State(Buffer.from('nobody'));
  const users = (name: string) => (name === 'tim smith' ? { user: name, state } : { user: null, state: nobody });

  it('computes what the RFC computes', () => {
    const challenge = Buffer.from('<1896.697170952@postoffice.reston.mci.net>');
    expect(hmacMd5(state, challenge).toString('hex')).to.equal('b913a602c7eda7a495b4e6e7334d3890');
  });

  async function answer(name: string, key = state, upper = false): Promise<string> {
    const exchange = cramMd5(users, 'mx.example');
    const first = (await exchange.respond(null)) as { challenge: Buffer };
    expect(first.challenge.toString()).to.match(/^<[\da-f]{32}\.\d+@mx\.example>$/);
    const digest = hmacMd5(key, first.challenge).toString('hex');
    return talk(exchange, `${name} ${upper ? digest.toUpperCase() : digest}`);
  }

  it('lets in, also by a name with a blank', async () => expect(await answer('tim smith')).to.equal('user tim smith'));
  it('takes capitals', async () => expect(await answer('tim smith', state, true)).to.equal('user tim smith'));
  it('refuses another key', async () => expect(await answer('tim smith', nobody)).to.equal('535 5.7.8'));
  it('refuses an unknown user, whatever it answers', async () =>
    expect(await answer('bob', nobody)).to.equal('535 5.7.8'));

  for (const line of ['', 'tim', 'tim 0123', `tim ${'g'.repeat(32)}`, `\0 ${'0'.repeat(32)}`]) {
    it(`refuses ${JSON.stringify(line)} as an answer`, async () => {
      expect(await talk(cramMd5(users, 'h'), null, line)).to.equal('501 5.5.2');
    });
  }

  it('takes nothing along with AUTH: the server speaks first', async () => {
    expect(await talk(cramMd5(users, 'h'), 'tim 00')).to.equal('501 5.5.2');
  });
});

describe('SCRAM-SHA-256 (RFC 7677)', () => {
  // The example of section 3.
  const OURS = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const NONCE = `rOprNGfwEbeRWgbNEkqO${OURS}`;
  const PROOF = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
  const FINAL = `c=biws,r=${NONCE},p=${PROOF}`;
  const verifier = parseScram(
    '$scram-sha-256$i=4096$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$' +
      'wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  )!;
  const users = async (name: string) =>
    name === 'user' || name === 'a,b=c'
      ? { user: name, verifier }
      : { user: null, verifier: decoyVerifier(name, Buffer.alloc(32), 4096) };
  const exchange = (): SaslExchange => scramSha256(users, OURS);

  it('speaks as the example of the RFC does', async () => {
    const one = exchange();
    expect(await talk(one, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')).to.equal(
      `challenge r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
    );
    expect(await talk(one, FINAL)).to.equal('challenge v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
    expect(await talk(one, '')).to.equal('user user');
  });

  const FIRST = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO';
  const cases: readonly (readonly [what: string, lines: readonly (string | null)[], expected: string])[] = [
    ['waits for the first message', [null], 'challenge '],
    ['refuses channel binding, which it does not offer', ['p=tls-unique,,n=user,r=x'], '501 5.5.2'],
    ['refuses extensions that must be understood', ['n,,m=x,n=user,r=x'], '501 5.5.2'],
    ['refuses a message without a nonce', ['n,,n=user'], '501 5.5.2'],
    ['refuses bad escapes in the name', ['n,,n=us=er,r=x'], '501 5.5.2'],
    ['lets nobody act for another', ['n,a=bob,n=user,r=x'], '535 5.7.8'],
    ['refuses a proof that does not fit', [FIRST, FINAL.replace('p=dH', 'p=AA')], '535 5.7.8'],
    ['refuses another nonce', [FIRST, FINAL.replace('r=rO', 'r=xx')], '535 5.7.8'],
    ['refuses another binding', [FIRST, FINAL.replace('c=biws', 'c=eSws')], '535 5.7.8'],
    ['refuses a proof of another length', [FIRST, FINAL.replace(PROOF, 'AAAA')], '501 5.5.2'],
    ['refuses an unknown user at the proof, not before', ['n,,n=bob,r=rOprNGfwEbeRWgbNEkqO', FINAL], '535 5.7.8'],
    ['wants nothing behind its last word', [FIRST, FINAL, 'more'], '501 5.5.2'],
  ];
  for (const [what, lines, expected] of cases) {
    it(what, async () => expect(await talk(exchange(), ...lines)).to.equal(expected));
  }

  it('reads =2C and =3D in a name', async () => {
    expect(await talk(exchange(), 'n,,n=a=2Cb=3Dc,r=abc')).to.match(/^challenge r=abc.*,s=W22Z/);
  });

  it('gives an unknown user the same salt each time', async () => {
    const [one, two] = [await talk(exchange(), 'n,,n=x,r=a'), await talk(exchange(), 'n,,n=x,r=a')];
    expect(one).to.equal(two);
  });

  it('makes verifiers that it can use', async () => {
    const made = await makeScramVerifier('pencil', 4096);
    expect(made.iterations).to.equal(4096);
    expect(made.storedKey).to.have.length(32);
  });
});

describe('OAUTHBEARER (RFC 7628) and XOAUTH2', () => {
  const check = async (token: string): Promise<string | null> => {
    if (token === 'broken') throw new Error('no answer');
    return token === 'good.token~1==' ? 'alice' : null;
  };
  const FAILURE = 'challenge {"status":"invalid_token","schemes":"bearer"}';
  const bearer = (token: string, user = 'a=alice'): string =>
    `n,${user},\x01host=mx\x01port=587\x01auth=Bearer ${token}\x01\x01`;
  const x = (token: string, user = 'alice'): string => `user=${user}\x01auth=Bearer ${token}\x01\x01`;
  const cases: readonly (readonly [what: string, lines: readonly (string | null)[], expected: string])[] = [
    ['lets in', [bearer('good.token~1==')], 'user alice'],
    ['lets in whoever the token is for when nobody is claimed', [bearer('good.token~1==', '')], 'user alice'],
    ['refuses the token of another', [bearer('good.token~1==', 'a=bob')], FAILURE],
    ['refuses a bad token, with an explanation first', [bearer('bad')], FAILURE],
    ['ends it then, whatever the client says', [bearer('bad'), '\x01'], '535 5.7.8'],
    ['does not know, and says so', [bearer('broken')], '454 4.7.0'],
    ['refuses another kind of token', [bearer('x').replace('Bearer', 'Basic')], FAILURE],
    ['refuses a message that does not end', [bearer('good.token~1==').slice(0, -1)], '501 5.5.2'],
    ['refuses what is no message', ['hello'], '501 5.5.2'],
  ];
  for (const [what, lines, expected] of cases) {
    it(`OAUTHBEARER ${what}`, async () => expect(await talk(oauthBearer(check), ...lines)).to.equal(expected));
  }
  const others: readonly (readonly [what: string, lines: readonly (string | null)[], expected: string])[] = [
    ['lets in', [x('good.token~1==')], 'user alice'],
    ['refuses the token of another', [x('good.token~1==', 'bob')], FAILURE],
    ['refuses a bad token', [x('bad'), ''], '535 5.7.8'],
    ['refuses control characters in the name', [x('good.token~1==', 'al\0ice')], '501 5.5.2'],
  ];
  for (const [what, lines, expected] of others) {
    it(`XOAUTH2 ${what}`, async () => expect(await talk(xoauth2(check), ...lines)).to.equal(expected));
  }
});

describe('EXTERNAL', () => {
  it('takes the name in the certificate', async () => expect(await talk(external('cn'), '')).to.equal('user cn'));
  it('or the same name said again', async () => expect(await talk(external('cn'), null, 'cn')).to.equal('user cn'));
  it('and no other', async () => {
    expect(await external('cn').respond(Buffer.from('x'))).to.deep.equal({
      refused: AUTH_REPLIES.failed,
      claimed: 'x',
    });
  });
});
