// Tokens asked about at an authorisation server (RFC 7662), a real HTTP server that answers whatever a test wants.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { expect } from 'chai';
import { introspection } from '../../../relay/auth/introspection.ts';
import { RecordingLog } from '../support/recording-log.ts';

describe('introspection', () => {
  let server: Server;
  let url: URL;
  let log: RecordingLog;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const requests: { headers: IncomingMessage['headers']; body: string }[] = [];

  before(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        requests.push({ headers: request.headers, body });
        answer(request, response);
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    url = new URL(`http://client:s%3Acret@127.0.0.1:${(server.address() as { port: number }).port}/introspect`);
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    log = new RecordingLog();
    requests.length = 0;
  });

  const says = (value: unknown, status = 200) => {
    answer = (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
  };

  it('posts the token, and gives the user of one that is active', async () => {
    says({ active: true, username: 'alice', sub: '4711' });
    expect(await introspection(url, log)('t0ken', 'alice')).to.equal('alice');
    expect(requests[0]!.body).to.equal('token=t0ken&token_type_hint=access_token');
    expect(requests[0]!.headers.authorization).to.equal(`Basic ${Buffer.from('client:s:cret').toString('base64')}`);
  });

  for (const [what, value, expected] of [
    ['the subject where there is no user name', { active: true, sub: '4711' }, '4711'],
    ['nobody for a token that is not active', { active: false, username: 'alice' }, null],
    ['nobody for one that has run out', { active: true, username: 'alice', exp: 1000 }, null],
    ['nobody for an answer without a user', { active: true }, null],
    ['nobody for what is no answer', null, null],
  ] as const) {
    it(`gives ${what}`, async () => {
      says(value);
      expect(await introspection(url, log)('t0ken', '')).to.equal(expected);
    });
  }

  const failures: readonly (readonly [what: string, set: () => void])[] = [
    ['answers 500', () => says({}, 500)],
    ['answers no JSON', () => (answer = (_request, response) => void response.end('hello'))],
    ['answers without end', () => (answer = (_request, response) => void response.end('x'.repeat(100_000)))],
    ['redirects', () => (answer = (_request, response) => void response.writeHead(307, { location: '/x' }).end())],
    ['says nothing', () => (answer = () => {})],
    ['hangs up', () => (answer = (request) => void request.socket.destroy())],
  ];
  for (const [what, set] of failures) {
    it(`does not know when the server ${what}, and tells the operator, without the token`, async () => {
      set();
      const outcome = await introspection(
        url,
        log,
        300,
      )('t0ken', '').then(
        () => 'an answer',
        () => 'none',
      );
      expect(outcome).to.equal('none');
      expect(log.levels('auth.introspection_failed')).to.deep.equal(['error']);
      expect(JSON.stringify(log.records)).not.to.match(/t0ken|s:cret|s%3Acret/);
    });
  }
});
