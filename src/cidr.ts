// A list of peers as users write it: `127.0.0.0/8`, `::1`, `unix` (every peer of a unix socket).
// IPv4 peers of a dual-stack socket arrive as `::ffff:192.0.2.1`; they match the rules for 192.0.2.1.
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { ChatError } from './errors.ts';

export class PeerList {
  readonly #blocks = new BlockList();
  #unix = false;
  /** An empty list is the usual case, and asking a BlockList is not cheap. */
  #hasBlocks = false;
  /** The peer that was asked for last, and the answer: a client is asked for with each of its recipients. */
  #last = '';
  #isLast = false;

  constructor(peers: readonly string[]) {
    for (const peer of peers) this.#add(peer);
  }

  /** Whether the list names this IP address; the empty text is the peer of a unix socket, who has none. */
  matches(address: string): boolean {
    if (address === '') return this.#unix;
    if (!this.#hasBlocks) return false;
    if (address !== this.#last) {
      this.#isLast = this.#isAmong(address);
      this.#last = address;
    }
    return this.#isLast;
  }

  #isAmong(address: string): boolean {
    if (isIPv4(address)) return this.#blocks.check(address, 'ipv4');
    // A zone (`fe80::1%eth0`) says where the peer is seen, not who it is.
    const [bare = ''] = address.split('%', 1);
    return isIPv6(bare) && this.#blocks.check(bare, 'ipv6');
  }

  #add(peer: string): void {
    if (peer === 'unix') {
      this.#unix = true;
      return;
    }
    const [address = '', prefix, ...more] = peer.split('/');
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined;
    if (family === undefined || more.length > 0) throw bad(peer);
    this.#hasBlocks = true;
    if (prefix === undefined) {
      this.#blocks.addAddress(address, family);
      return;
    }
    if (!/^(0|[1-9][0-9]{0,2})$/.test(prefix) || Number(prefix) > (family === 'ipv4' ? 32 : 128)) throw bad(peer);
    this.#blocks.addSubnet(address, Number(prefix), family);
  }
}

function bad(peer: string): ChatError {
  const allowed = 'an IP address, address/prefix as in 10.0.0.0/8, or unix';
  const message = `${JSON.stringify(peer)} names no peers; allowed are ${allowed}`;
  return new ChatError('BAD_ADDRESS', message, { address: peer });
}
