// What is kept of passwords, how it is checked, and what becomes of those who guess.
import { expect } from 'chai';
import { decoy, isWeak, makeCredentials, matches, parseCredentials } from '../../../relay/auth/credentials.ts';
import { AuthFailures } from '../../../relay/auth/failures.ts';
import { Gate } from '../../../relay/auth/gate.ts';
import { hmacMd5, hmacMd5State } from '../../../relay/auth/hmac-md5.ts';
import { passwordCheck } from '../../../relay/auth/password-check.ts';
import { saslprep } from '../../../relay/auth/saslprep.ts';
import { parseScrypt } from '../../../relay/auth/scrypt-hash.ts';
import { FakeClock } from '../../../src/clock.ts';
import { ChatError } from '../../../src/errors.ts';
import { deferred, turn } from '../../support/within.ts';

// Cheap ones, so that the tests are quick: N = 2^10.
const CHEAP = '$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$';
const HASH_OF_SECRET = await cheapHash('secret');

async function cheapHash(password: string): Promise<string> {
  const { scryptSync } = await import('node:crypto');
  return CHEAP + scryptSync(password, 'saltsaltsaltsalt', 32, { N: 1024 }).toString('base64').replace(/=+$/, '');
}

describe('credentials', () => {
  it('are made with scrypt and SCRAM, and fit the password they were made of', async () => {
    const text = await makeCredentials('pässword', { scram: true, cramMd5: true });
    expect(text).to.match(
      /^\$scrypt\$ln=15,r=8,p=1\$[^$:\s]+\$[^$:\s]+:\$scram-sha-256\$i=100000\$\S+:\$cram-md5\$[^$:\s]+$/,
    );
    const read = parseCredentials(text);
    expect(isWeak(read)).to.equal(false);
    expect(await matches('pässword', read)).to.equal(true);
    expect(await matches('password', read)).to.equal(false);
    expect(hmacMd5(read.cramMd5!, Buffer.from('x'))).to.deep.equal(
      hmacMd5(hmacMd5State(Buffer.from('pässword')), Buffer.from('x')),
    );
    expect(await matches('pässword', { ...read, scrypt: null }), 'by the verifier of SCRAM alone').to.equal(true);
    expect(await matches('password', { ...read, scrypt: null })).to.equal(false);
  });

  it('are those of others too: scrypt in the usual notation, plain and {SHA} lines of htpasswd', async () => {
    for (const text of [HASH_OF_SECRET, 'secret', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=']) {
      const read = parseCredentials(text);
      expect(await matches('secret', read), text).to.equal(true);
      expect(await matches('Secret', read), text).to.equal(false);
      expect(isWeak(read)).to.equal(text !== HASH_OF_SECRET);
    }
  });

  it('cost the same for a user that is not there, and match nothing', async () => {
    for (const text of [HASH_OF_SECRET, 'secret', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=']) {
      const nobody = decoy(parseCredentials(text));
      expect(await matches('secret', nobody)).to.equal(false);
      expect(nobody.scrypt?.cost).to.equal(parseCredentials(text).scrypt?.cost);
    }
  });

  for (const [text, expected] of [
    ['', 'no password behind the name'],
    ['$2y$05$abcdefghijklmnopqrstuv', 'of the kind "2y"'],
    ['$apr1$salt$hash', 'of the kind "apr1"'],
    ['{SHA}abc', 'not 20 bytes'],
    ['$scrypt$ln=31,r=8,p=1$AAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAA', 'of the kind "scrypt"'],
    ['se\u0007cret', 'forbidden characters'],
  ] as const) {
    it(`refuses ${JSON.stringify(text)}, without showing it`, () => {
      expect(() => parseCredentials(text))
        .to.throw(ChatError, expected)
        .with.property('code', 'BAD_OPTION');
      if (text.length > 10) expect(() => parseCredentials(text)).not.to.throw(text.slice(6));
    });
  }

  it('are not made of passwords that cannot be typed', async () => {
    for (const [password, why] of [
      ['', 'is empty'],
      ['a\0b', 'control characters'],
    ] as const) {
      const error: Error = await makeCredentials(password, { scram: false, cramMd5: false }).then(
        () => expect.fail('it was made'),
        (e) => e,
      );
      expect(error.message).to.contain(why);
    }
  });
});

describe('parseScrypt', () => {
  it('bounds what one check may cost', () => {
    expect(parseScrypt(`${CHEAP}AAAAAAAAAAAAAAAAAAAAAAAA`)).not.to.equal(null);
    for (const costs of ['ln=9,r=8,p=1', 'ln=20,r=32,p=1', 'ln=18,r=8,p=2', 'ln=15,r=0,p=1', 'ln=15,r=8,p=0']) {
      expect(parseScrypt(`$scrypt$${costs}$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAA`), costs).to.equal(null);
    }
  });
});

describe('saslprep (RFC 4013)', () => {
  for (const [given, expected] of [
    ['user', 'user'],
    ['USER', 'USER'],
    ['I\u00adX', 'IX'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['a\u00a0b', 'a b'],
    ['e\u0301', '\u00e9'],
    ['\u0007', null],
    ['a\u0000', null],
    ['\u202e', null],
    ['\ufffd', null],
    ['\ud800', null],
  ] as const) {
    it(`${JSON.stringify(given)} becomes ${JSON.stringify(expected)}`, () => {
      expect(saslprep(given)).to.equal(expected);
    });
  }
});

describe('AuthFailures', () => {
  it('answers later each time, up to five seconds, and locks out at the limit', () => {
    const failures = new AuthFailures(8, new FakeClock());
    const delays = Array.from({ length: 8 }, () => {
      expect(failures.isLockedOut('192.0.2.1')).to.equal(false);
      return failures.add('192.0.2.1');
    });
    expect(delays).to.deep.equal([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(failures.isLockedOut('192.0.2.1')).to.equal(true);
    expect(failures.isLockedOut('192.0.2.2')).to.equal(false);
  });

  it('forgives one failure every half minute', () => {
    const clock = new FakeClock();
    const failures = new AuthFailures(2, clock);
    failures.add('192.0.2.1');
    failures.add('192.0.2.1');
    clock.advance(29_999);
    expect(failures.isLockedOut('192.0.2.1')).to.equal(true);
    clock.advance(1);
    expect(failures.isLockedOut('192.0.2.1')).to.equal(false);
    failures.add('192.0.2.1');
    expect(failures.isLockedOut('192.0.2.1')).to.equal(true);
    clock.advance(120_000);
    expect(failures.isLockedOut('192.0.2.1')).to.equal(false);
    expect(failures.size).to.equal(0);
  });

  it('counts a network of IPv6 as one', () => {
    const failures = new AuthFailures(1, new FakeClock());
    failures.add('2001:db8::1');
    expect(failures.isLockedOut('2001:db8:0:0:ffff::9')).to.equal(true);
    expect(failures.isLockedOut('2001:db8:0:1::1')).to.equal(false);
  });

  it('remembers ten thousand addresses and no more', () => {
    const failures = new AuthFailures(1, new FakeClock());
    for (let i = 0; i < 10_050; i++) failures.add(`10.0.${i >> 8}.${i & 255}`);
    expect(failures.size).to.equal(10_000);
    expect(failures.isLockedOut('10.0.0.0')).to.equal(false);
    expect(failures.isLockedOut('10.0.39.0')).to.equal(true);
  });
});

describe('Gate', () => {
  it('lets so many run, so many wait, and the others go', async () => {
    const gate = new Gate(1, 1);
    const first = deferred<string>();
    let begun = 0;
    const run = (promise: Promise<string>): Promise<string | null> =>
      gate.run(() => {
        begun++;
        return promise;
      });
    const one = run(first.promise);
    const two = run(Promise.resolve('two'));
    expect(await run(Promise.resolve('three'))).to.equal(null);
    await turn();
    expect(begun).to.equal(1);
    first.reject(new Error('x'));
    await one.catch(() => {});
    expect(await two).to.equal('two');
    expect(await run(Promise.resolve('four'))).to.equal('four');
  });
});

describe('passwordCheck', () => {
  const secret = parseCredentials(HASH_OF_SECRET);

  it('knows right from wrong, and forms of the same name', async () => {
    const check = passwordCheck({ find: (name) => (name === 'é' ? secret : null), decoy: decoy(secret) });
    expect(await check('e\u0301', 'secret')).to.equal('é');
    expect(await check('é', 'secret')).to.equal('é');
    expect(await check('é', 'Secret')).to.equal(null);
    expect(await check('x', 'secret')).to.equal(null);
    expect(await check('é', 'se\0cret')).to.equal(null);
  });

  it('remembers a right answer only as long as the password is the same', async () => {
    let known: typeof secret | null = secret;
    const check = passwordCheck({ find: () => known, decoy: decoy(secret) });
    expect(await check('a', 'secret')).to.equal('a');
    known = parseCredentials(await cheapHash('other'));
    expect(await check('a', 'secret')).to.equal(null);
    expect(await check('a', 'other')).to.equal('a');
    known = null;
    expect(await check('a', 'other')).to.equal(null);
  });
});
