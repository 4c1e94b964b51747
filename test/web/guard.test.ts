import { expect } from 'chai';
import { parseAddress } from '../../src/address.ts';
import { hostRefusal, originRefusal } from '../../web/server/guard.ts';

describe('The guard of the web server', () => {
  const isAnswered = (host: string, listen = '8025', allowedHosts: string[] = []) =>
    hostRefusal(`http://${host}/`, { listen: parseAddress(listen), allowedHosts }) === undefined;

  it('answers to IP addresses and localhost, whatever the port', () => {
    for (const host of ['127.0.0.1:8025', '192.0.2.7', '[::1]:9', '[2001:db8::1]', 'localhost:80', 'LOCALHOST.']) {
      expect(isAnswered(host), host).to.equal(true);
    }
    expect(isAnswered('mail.localhost:8025')).to.equal(true);
  });

  it('does not answer to names that the DNS could bend to this machine', () => {
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'evil.internal.example']) {
      expect(isAnswered(host), host).to.equal(false);
    }
  });

  it('answers to the name that it was told to listen on', () => {
    expect(isAnswered('mail.example.com:8025', 'Mail.Example.com:8025')).to.equal(true);
    expect(isAnswered('www.example.com', 'mail.example.com:8025')).to.equal(false);
    expect(isAnswered('mail.example.com', 'unix:/run/lonedot.sock')).to.equal(false);
  });

  it('says what to do about it', () => {
    expect(hostRefusal('http://evil.example:8025/', { listen: parseAddress('8025') })).to.equal(
      'this server does not answer to the name evil.example: ' +
        'use its IP address or localhost, or start it with --allowed-hosts evil.example',
    );
  });

  describe('against requests from other sites', () => {
    const isTaken = (method: string, origin?: string) => {
      const headers: Record<string, string> = origin === undefined ? {} : { origin };
      return originRefusal(new Request('http://localhost:8025/x', { method, headers })) === undefined;
    };

    it('takes changes from its own pages and from programs', () => {
      expect(isTaken('DELETE')).to.equal(true);
      expect(isTaken('DELETE', 'http://localhost:8025')).to.equal(true);
      expect(isTaken('DELETE', 'https://localhost:8025')).to.equal(true);
    });

    it('takes none from other hosts, other ports, and pages that have no origin', () => {
      for (const origin of ['http://evil.example', 'http://localhost:3000', 'http://localhost', 'null', 'nonsense']) {
        expect(isTaken('DELETE', origin), origin).to.equal(false);
        expect(isTaken('POST', origin), origin).to.equal(false);
      }
    });

    it('lets everybody ask for what changes nothing', () => {
      for (const method of ['GET', 'HEAD', 'OPTIONS']) expect(isTaken(method, 'http://evil.example')).to.equal(true);
    });
  });
});
