// Asking SpamAssassin: what is sent to it, what its answers mean, and that a daemon that is none, is slow or away gives an
// error and no wait.

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { checkSpam, readReport, spamCheckJson } from '../../../../relay/inbox/checks/spamassassin.ts';

const REPORT = `SPAMD/1.1 0 EX_OK\r
Content-length: 700\r
Spam: True ; 7.3 / 5.0\r
\r
Spam detection software has identified this incoming email.

Content analysis details:   (7.3 points, 5.0 required)

 pts rule name              description
---- ---------------------- --------------------------------------------------
 0.0 NO_RELAYS              Informational: message was not relayed via SMTP
-0.1 DKIM_VALID             Message has at least one valid DKIM or DK
                            signature
 1.2 MISSING_HEADERS        Missing To: header
  10 GTUBE                  BODY: Generic Test

`;

describe('a report of SpamAssassin', () => {
  it('is read with its rules', () => {
    expect(readReport(REPORT)).to.deep.equal({
      isSpam: true,
      error: '',
      score: 7.3,
      rules: [
        { score: 0, name: 'NO_RELAYS', description: 'Informational: message was not relayed via SMTP' },
        { score: -0.1, name: 'DKIM_VALID', description: 'Message has at least one valid DKIM or DK signature' },
        { score: 1.2, name: 'MISSING_HEADERS', description: 'Missing To: header' },
        { score: 10, name: 'GTUBE', description: 'BODY: Generic Test' },
      ],
    });
  });

  it('may have no table', () => {
    expect(readReport('SPAMD/1.5 0 EX_OK\r\nSpam: False ; -0.5 / 5.0\r\n\r\n')).to.deep.equal({
      isSpam: false,
      error: '',
      score: -0.5,
      rules: [],
    });
  });

  const BAD: readonly [answer: string, says: RegExp][] = [
    ['', /is no SpamAssassin/],
    ['HTTP/1.1 400 Bad Request\r\n\r\n', /is no SpamAssassin/],
    ['SPAMD/1.0 76 Bad header line: (Content-Length mismatch)\r\n', /answers 76 Bad header line/],
    ['SPAMD/1.1 0 EX_OK\r\n\r\n', /gives no score/],
  ];
  for (const [answer, says] of BAD)
    it(`is refused: ${JSON.stringify(answer.slice(0, 40))}`, () => expect(() => readReport(answer)).to.throw(says));
});

describe('asking SpamAssassin', () => {
  let server: Server;
  let heard: string;
  let behave: (socket: Socket) => void;

  before(async () => {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      behave(socket);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  });
  after(() => server.close());

  const ask = (timeoutMs = 2000) => {
    const { port } = server.address() as AddressInfo;
    return checkSpam(Buffer.from('Subject: x\r\n\r\nbody'), {
      address: { kind: 'tcp', host: '127.0.0.1', port },
      timeoutMs,
    });
  };

  it('sends the mail with its length and takes the answer in pieces', async () => {
    heard = '';
    behave = (socket) => {
      socket.on('data', (chunk) => {
        heard += chunk.toString();
      });
      socket.on('end', () => {
        for (let at = 0; at < REPORT.length; at += 7) socket.write(REPORT.slice(at, at + 7));
        socket.end();
      });
    };
    const result = await ask();
    expect(heard).to.equal('REPORT SPAMC/1.5\r\nContent-length: 18\r\n\r\nSubject: x\r\n\r\nbody');
    expect([result.error, result.isSpam, result.rules.length]).to.deep.equal(['', true, 4]);
    expect(spamCheckJson(result)).to.deep.include({ IsSpam: true, Error: '', Score: 7.3 });
    expect(spamCheckJson(result).Rules?.[2]).to.deep.equal({
      Score: 1.2,
      Name: 'MISSING_HEADERS',
      Description: 'Missing To: header',
    });
  });

  const FAILURES: readonly [name: string, behave: (socket: Socket) => void, says: RegExp, timeoutMs?: number][] = [
    ['is slow', () => {}, /did not answer within 50 ms/, 50],
    ['says nothing', (socket) => socket.end(), /is no SpamAssassin/],
    ['goes away', (socket) => socket.resetAndDestroy(), /cannot be asked|without an answer/],
    ['never stops', (socket) => socket.write('x'.repeat(2_000_000)), /more than 1048576 bytes/],
  ];
  for (const [name, how, says, timeoutMs] of FAILURES) {
    it(`tells when it ${name}`, async () => {
      behave = how;
      const result = await ask(timeoutMs);
      expect(result.error).to.match(says);
      expect(spamCheckJson(result)).to.deep.equal({ IsSpam: false, Error: result.error, Score: 0, Rules: null });
    });
  }

  it('tells when nobody listens', async () => {
    const result = await checkSpam(Buffer.from(''), { address: { kind: 'unix', path: '/nonexistent/spamd.sock' } });
    expect(result.error).to.match(/^SpamAssassin cannot be asked: .*ENOENT/);
  });
});
