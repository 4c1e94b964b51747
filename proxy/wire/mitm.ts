// STARTTLS that ends at the proxy, and begins again there: the client gets a certificate of our own authority, the
// upstream has to prove who it is, and what is said inside is seen as before. Neither side's plaintext behind STARTTLS
// gets into TLS (RFC 3207 5, CVE-2011-0411): it is thrown away, and told. Nothing of the client's passes before the
// upstream has proved itself.
import type { Address } from '../../src/address.ts';
import type { Transport } from '../../src/transport.ts';
import type { ProxyTls } from '../tls.ts';
import { Upgradable } from './upgradable.ts';

/** The first byte of a handshake's record (RFC 8446 5.1). */
const HANDSHAKE = 0x16;

export interface MitmOptions {
  readonly tls: ProxyTls;
  /** Milliseconds for the handshake with the upstream. */
  readonly timeoutMs: number;
  /** Plaintext of `from` came where TLS should begin, and goes nowhere. */
  dropped(from: 'client' | 'server', bytes: Buffer): void;
}

export class Mitm {
  readonly client: Upgradable;
  private readonly options: MitmOptions;
  private upstream: { readonly transport: Upgradable; readonly address: Address } | null = null;

  constructor(client: Transport, options: MitmOptions) {
    this.client = new Upgradable(client);
    this.options = options;
  }

  /** The upstream is there: what the pair is to see of it. */
  join(transport: Transport, address: Address): Transport {
    this.upstream = { transport: new Upgradable(transport), address };
    return this.upstream.transport;
  }

  /** The server has agreed to TLS, and the client is told. `early`: the client has begun already. */
  begin(early: Buffer): void {
    const { client, options } = this;
    this.upstream?.transport.await((chunk) => options.dropped('server', chunk));
    const begins = (chunk: Buffer): void => {
      if (chunk[0] === HANDSHAKE) void this.secure(chunk);
      else options.dropped('client', chunk);
    };
    client.await(begins);
    if (early.length > 0) begins(early);
  }

  private async secure(hello: Buffer): Promise<void> {
    const { client, upstream } = this;
    const { tls, timeoutMs: handshakeMs } = this.options;
    if (!upstream) return;
    if (!(await client.upgrade(tls.server(upstream.address), hello))) return;
    const how = { ...tls.client(upstream.address, client.tls?.servername), handshakeMs };
    if (!(await upstream.transport.upgrade(how, Buffer.alloc(0)))) return;
    upstream.transport.release();
    client.release();
  }
}
