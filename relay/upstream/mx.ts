// Direct delivery: for each recipient's domain the hosts that its DNS names, in their order, each on connections of its
// own that are kept open and used again. REQUIRETLS never goes this way: it asks for a host name that somebody vouches
// for (RFC 8689 4.2.1), and here it comes from plain DNS.
import { isIP } from 'node:net';
import {
  type Content,
  type Courier,
  type Delivery,
  type Envelope,
  type OutgoingRecipient,
  Unreachable,
} from './courier.ts';
import { type CourierSettings, Forwarder } from './forward.ts';
import { MxLookup, type MxLookupOptions } from './mx-lookup.ts';
import { madeHere, type Outcome } from './outcome.ts';
import type { Upstream } from './upstream.ts';

/** Hosts with connections of their own; beyond it the one that was used longest ago closes its idle ones. */
const MAX_FORWARDERS = 500;
/** Addresses of a domain that one attempt tries. */
const MAX_TRIES = 10;

export class MxCourier implements Courier {
  readonly name: string;
  private readonly upstream: Upstream;
  private readonly settings: CourierSettings;
  private readonly lookup: MxLookup;
  /** By host and address, the one used last at the end. */
  private readonly forwarders = new Map<string, Forwarder>();

  /** Throws ChatError BAD_OPTION when a file that the upstream names cannot be used. */
  constructor(upstream: Upstream, settings: CourierSettings, options: Omit<MxLookupOptions, 'hostname'> = {}) {
    this.name = upstream.name;
    this.upstream = upstream;
    this.settings = settings;
    this.lookup = new MxLookup({ hostname: settings.hostname, ...options });
  }

  group({ address }: OutgoingRecipient): string {
    const at = address.lastIndexOf('@');
    return at < 0 ? '' : address.slice(at + 1).toLowerCase();
  }

  async deliver(envelope: Envelope, content: () => Promise<Content>, isOurs?: () => boolean): Promise<Delivery> {
    const all = (outcome: Outcome): Delivery => ({
      outcomes: envelope.recipients.map(() => outcome),
      tls: '',
      host: '',
    });
    if (envelope.parameters.some(([keyword]) => keyword === 'REQUIRETLS')) {
      return all(
        madeHere('failed', '5.7.30', 'REQUIRETLS was demanded, and nobody vouches for the names of MX records'),
      );
    }
    const domain = this.group(envelope.recipients[0]!);
    if (domain === '') return all(madeHere('failed', '5.1.3', 'the address names no domain'));
    const answer = await this.lookup.find(domain);
    if ('outcome' in answer) return all(answer.outcome);
    let last: Unreachable | null = null;
    let trouble: NodeJS.ErrnoException | null = null;
    let tries = 0;
    for (const host of answer.hosts) {
      let addresses: readonly string[];
      try {
        addresses = isIP(host) ? [host] : await this.lookup.addressesOf(host);
      } catch (error) {
        trouble = error as NodeJS.ErrnoException;
        continue;
      }
      for (const address of addresses) {
        if (tries++ >= MAX_TRIES) break;
        try {
          return await this.forwarder(host, address).deliver(envelope, content, isOurs);
        } catch (error) {
          if (!(error instanceof Unreachable)) throw error;
          // Whatever is wrong there, it is theirs to see to.
          last = new Unreachable({ message: `${host} [${address}]: ${error.message}`, code: error.code }, 'host');
        }
      }
    }
    if (last) throw last;
    if (trouble)
      return all(madeHere('deferred', '4.4.3', `no answer from DNS for the hosts of ${domain}: ${trouble.code}`));
    return all(madeHere('failed', '5.4.4', `no host of ${domain} has an address`));
  }

  close(): void {
    for (const one of this.forwarders.values()) one.close();
  }

  destroy(): void {
    for (const one of this.forwarders.values()) one.destroy();
  }

  private forwarder(host: string, address: string): Forwarder {
    const key = `${host} ${address}`;
    const forwarder = this.forwarders.get(key) ?? new Forwarder(this.upstream, this.settings, { host, address });
    this.forwarders.delete(key);
    this.forwarders.set(key, forwarder);
    if (this.forwarders.size > MAX_FORWARDERS) this.forgetOne();
    return forwarder;
  }

  /** The one used longest ago, unless it is at work. */
  private forgetOne(): void {
    for (const [key, one] of this.forwarders) {
      if (one.isBusy) continue;
      one.close();
      this.forwarders.delete(key);
      return;
    }
  }
}
