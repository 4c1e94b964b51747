// Which addresses a server may be asked to visit on behalf of a mail: those of the public internet. A mail comes from
// anybody, and a link in it must not make this machine call its own services, its neighbours or the cloud's metadata.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { PeerList } from '../../../src/cidr.ts';

// Two lists: a rule for IPv6 would hold for IPv4 addresses as well, as the mapped ones that they are.

/** IANA's special-purpose registries (RFC 6890), multicast and what is reserved. */
const NOT_PUBLIC_4 = new PeerList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]);

/** Only 2000::/3 is public, and of it not all. */
const NOT_PUBLIC_6 = new PeerList([
  // Loopback, mapped and translated IPv4 (::ffff:127.0.0.1, 64:ff9b::7f00:1) are among these.
  '::/3',
  '4000::/2',
  '8000::/1',
  // Teredo and 6to4 hold an IPv4 address that they lead to.
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
]);

export interface Resolved {
  readonly address: string;
  readonly family: number;
}

export type Resolve = (host: string) => Promise<readonly Resolved[]>;

export class AddressGuard {
  private readonly allowed: PeerList;
  private readonly resolve: Resolve;

  /** `allowed`: addresses and networks that may be visited all the same, as in `src/cidr.ts`. */
  constructor(allowed: readonly string[] = [], resolve: Resolve = (host) => lookup(host, { all: true })) {
    this.allowed = new PeerList(allowed);
    this.resolve = resolve;
  }

  isAllowed(address: string): boolean {
    const family = isIP(address);
    if (family === 0) return false;
    return this.allowed.matches(address) || !(family === 4 ? NOT_PUBLIC_4 : NOT_PUBLIC_6).matches(address);
  }

  /** The addresses of a URL's host that may be visited; empty when there are only others. Rejects when there are none. */
  async addressesOf(host: string): Promise<Resolved[]> {
    const literal = host.replace(/^\[|\]$/g, '');
    const family = isIP(literal);
    const found = family === 0 ? await this.resolve(host) : [{ address: literal, family }];
    return found.filter(({ address }) => this.isAllowed(address));
  }
}
