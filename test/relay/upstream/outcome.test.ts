// What nodemailer's errors mean for a mail: the error map, written by hand from what was found out about version 10.6.
import { expect } from 'chai';
import {
  attemptOf,
  cleanReply,
  isOfConnection,
  outcomeOf,
  ROUTE_ERRORS,
  type SendError,
} from '../../../relay/upstream/outcome.ts';

function error(code: string, responseCode?: number, command?: string): SendError {
  const response = responseCode === undefined ? undefined : `${responseCode} said so`;
  return { message: 'what happened', code, responseCode, command, response };
}

describe('outcomeOf', () => {
  /** The outcome when the dot had not gone out, and when it had. */
  const MAP: readonly [title: string, error: SendError, before: string, behind: string][] = [
    ['a lost connection', error('ECONNECTION'), 'deferred', 'unknown'],
    ['a time-out', error('ETIMEDOUT'), 'deferred', 'unknown'],
    ['a socket error', error('ESOCKET'), 'deferred', 'unknown'],
    ['no such host', error('EDNS'), 'deferred', 'unknown'],
    ['a protocol error', error('EPROTOCOL'), 'deferred', 'unknown'],
    ['a protocol error with a reply to nothing', error('EPROTOCOL', 550), 'deferred', 'unknown'],
    ['a connection that ended in half a reply', error('ECONNECTION', 554), 'deferred', 'unknown'],
    ['an abort', error('EABORT'), 'deferred', 'unknown'],
    ['an error without a code', { message: 'x' }, 'deferred', 'unknown'],
    ['a sender refused for now', error('EENVELOPE', 451, 'MAIL FROM'), 'deferred', 'deferred'],
    ['a sender refused for good', error('EENVELOPE', 550, 'MAIL FROM'), 'failed', 'failed'],
    ['a recipient refused for now', error('EENVELOPE', 450, 'RCPT TO'), 'deferred', 'deferred'],
    ['a recipient refused for good', error('EENVELOPE', 550, 'RCPT TO'), 'failed', 'failed'],
    ['commands out of order', error('EENVELOPE', 503, 'RCPT TO'), 'deferred', 'deferred'],
    ['an address that nodemailer refuses', error('EENVELOPE', undefined, 'API'), 'failed', 'failed'],
    ['a message refused for now', error('EMESSAGE', 451, 'DATA'), 'deferred', 'deferred'],
    ['a server that goes down', error('EMESSAGE', 421, 'DATA'), 'deferred', 'deferred'],
    ['a message refused for good', error('EMESSAGE', 554, 'DATA'), 'failed', 'failed'],
    ['a message over the offered SIZE', error('EMESSAGE', undefined, 'MAIL FROM'), 'failed', 'failed'],
    ['REQUIRETLS that cannot be had', error('EREQUIRETLS', undefined, 'MAIL FROM'), 'failed', 'failed'],
    ['our own disk', error('ESTREAM', undefined, 'API'), 'deferred', 'unknown'],
    ...['EAUTH', 'ENOAUTH', 'EOAUTH2', 'ETLS', 'EPROXY', 'ECONFIG'].flatMap((code): typeof MAP =>
      [undefined, 454, 535].map((reply) => [`${code} ${reply ?? ''}`, error(code, reply), 'deferred', 'deferred']),
    ),
  ];
  for (const [title, given, before, behind] of MAP) {
    it(`${title}: ${before}, and ${behind} behind the dot`, () => {
      expect(outcomeOf(given, false).fate).to.equal(before);
      expect(outcomeOf(given, true).fate).to.equal(behind);
    });
  }

  it('gives the code of RFC 3463 where nobody else does', () => {
    expect(outcomeOf(error('EENVELOPE', undefined, 'API'), false).reply).to.equal('5.1.3 what happened');
    expect(outcomeOf(error('EMESSAGE', undefined, 'MAIL FROM'), false).reply).to.equal('5.3.4 what happened');
    expect(outcomeOf(error('EREQUIRETLS'), false).reply).to.equal('5.7.30 what happened');
    expect(outcomeOf(error('EMESSAGE', 554), false).reply).to.equal('554 said so');
    expect(outcomeOf(error('ECONNECTION'), false).reply).to.equal('what happened');
  });

  it('keeps the enhanced code of a reply, and whose reply it was', () => {
    const of = (response: string): object => {
      const { reply, ...rest } = outcomeOf({ message: '', code: 'EMESSAGE', response, responseCode: 554 }, false);
      expect(reply).to.equal(cleanReply(response));
      return rest;
    };
    expect(of('554 5.7.1 no')).to.deep.equal({ fate: 'failed', status: '5.7.1', remote: true });
    expect(of('554-5.7.1 no\n554 5.7.1 way')).to.deep.equal({ fate: 'failed', status: '5.7.1', remote: true });
    for (const text of ['554 no', '554 4.7.1 another class', '554 5.7.1.9 too long', '5545.7.1', '554 x 5.7.1']) {
      expect(of(text), text).to.deep.equal({ fate: 'failed', remote: true });
    }
    expect(outcomeOf(error('ESTREAM'), false)).to.deep.equal({ fate: 'deferred', reply: 'what happened' });
    expect(outcomeOf(error('EREQUIRETLS'), false)).to.include({ fate: 'failed', status: '5.7.30' });
  });

  it('tells errors of the connection from those of the mail and of ourselves', () => {
    for (const code of ['ECONNECTION', 'ETIMEDOUT', 'ESOCKET', 'EDNS', 'EPROTOCOL', 'EABORT', ...ROUTE_ERRORS]) {
      expect([code, isOfConnection(error(code!))]).to.deep.equal([code, true]);
    }
    expect(isOfConnection(error('EENVELOPE', 421))).to.equal(true);
    expect(isOfConnection(error('EMESSAGE', 421))).to.equal(true);
    for (const one of [error('EENVELOPE', 450), error('EENVELOPE', 550), error('EENVELOPE'), error('EMESSAGE', 451)]) {
      expect(isOfConnection(one)).to.equal(false);
    }
    for (const code of ['ESTREAM', 'EREQUIRETLS']) expect(isOfConnection(error(code))).to.equal(false);
  });
});

describe('cleanReply', () => {
  it('R7 makes one printable line of at most 500 characters', () => {
    expect(cleanReply('550-no\r\n550 \x1b[31mway\0\x85!\r\n')).to.equal('550-no 550  [31mway !');
    expect(cleanReply(`550 ${'x'.repeat(1_000_000)}`).length).to.equal(500);
    expect(cleanReply('550 kein Empfänger')).to.equal('550 kein Empfänger');
    expect(cleanReply('550 \u202eno\u2028way')).to.equal('550  no way');
  });
});

describe('attemptOf', () => {
  it('is the outcome with its time and place', () => {
    expect(attemptOf({ fate: 'failed', reply: '550 no' }, 5, 'smtp://h:25', 'TLS')).to.deep.equal({
      at: 5,
      upstream: 'smtp://h:25',
      tls: 'TLS',
      reply: '550 no',
      outcome: 'failed',
    });
  });
});
