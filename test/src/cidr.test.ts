import { expect } from 'chai';
import { PeerList } from '../../src/cidr.ts';
import { ChatError } from '../../src/errors.ts';

describe('PeerList', () => {
  const table: [peers: string[], matching: string[], others: string[]][] = [
    [[], [], ['127.0.0.1', '::1', '']],
    [['127.0.0.0/8'], ['127.0.0.1', '127.255.255.255', '::ffff:127.0.0.1', '::ffff:7f00:1'], ['128.0.0.1', '::1', '']],
    [['192.0.2.7'], ['192.0.2.7', '::ffff:192.0.2.7'], ['192.0.2.8', '::ffff:192.0.2.8']],
    [['192.0.2.7/32'], ['192.0.2.7'], ['192.0.2.6']],
    [['10.1.2.3/8'], ['10.200.0.1'], ['11.0.0.1']],
    [['0.0.0.0/0'], ['1.2.3.4', '255.255.255.255', '::ffff:1.2.3.4'], ['::1', '']],
    [['::1'], ['::1', '0:0:0:0:0:0:0:1'], ['::2', '127.0.0.1', '']],
    [['2001:db8::/32'], ['2001:db8::1', '2001:DB8:ffff::'], ['2001:db9::1']],
    [['fe80::/10'], ['fe80::1', 'fe80::1%eth0'], ['fec0::1']],
    [['unix'], [''], ['127.0.0.1', '::1']],
    [['unix', '::1', '10.0.0.0/8'], ['', '::1', '10.0.0.1'], ['127.0.0.1']],
  ];
  for (const [peers, matching, others] of table) {
    const told = (addresses: string[]) => addresses.map((each) => each || 'a unix peer');
    it(`[${peers}] names ${told(matching)}, not ${told(others)}`, () => {
      const list = new PeerList(peers);
      for (const address of matching) expect(list.matches(address), address).to.equal(true);
      for (const address of others) expect(list.matches(address), address).to.equal(false);
    });
  }

  it('matches nothing that is no address', () => {
    const list = new PeerList(['0.0.0.0/0', '::/0', '::1']);
    for (const text of ['localhost', 'x', '1.2.3', '%', 'unix']) expect(list.matches(text)).to.equal(false);
  });

  const bad = ['', ' ', 'localhost', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/-1', '10.0.0/8'];
  for (const peer of [...bad, '10.0.0.0/8/8', '10.0.0.1:25', '[::1]', 'fe80::1%eth0', 'UNIX', '*']) {
    it(`refuses ${JSON.stringify(peer)} in one line that says what is allowed`, () => {
      expect(() => new PeerList(['::1', peer]))
        .to.throw(ChatError, /allowed are an IP address, address\/prefix as in 10\.0\.0\.0\/8, or unix$/)
        .with.property('code', 'BAD_ADDRESS');
    });
  }
});
