// Hands messages to a running lonedot (or any other server) by SMTP: what `lonedot sendmail` and `lonedot ingest` send
// with. The client is the relay's own (relay/upstream/); here is only where it goes and what its answers mean.
import { formatAddress, parseAddress } from '../../src/address.ts';
import type { Log } from '../../src/log.ts';
import type { Content } from '../upstream/courier.ts';
import { Forwarder } from '../upstream/forward.ts';
import type { Outcome } from '../upstream/outcome.ts';
import { parseUpstream, type Upstream } from '../upstream/upstream.ts';

export interface Submission {
  /** '' is the null sender. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Bytes beyond ASCII in the header: the server is told, if it wants to know. */
  readonly isUtf8: boolean;
}

/**
 * Where to submit: `[host:]port`, `unix:/path`, or an URL as `--upstream` takes it, for those who have to log in. Throws
 * BAD_ADDRESS or BAD_OPTION.
 */
export function parsePlace(text: string): Upstream {
  if (/^smtps?:\/\//i.test(text)) return { ...parseUpstream(text), eightBit: 'send' };
  const address = parseAddress(text);
  const name = formatAddress(address);
  const upstream = { ...parseUpstream('smtp://localhost'), name, eightBit: 'send' as const };
  if (address.kind === 'tcp') return { ...upstream, host: address.host, port: address.port };
  if (address.kind === 'unix') return { ...upstream, host: address.path, port: 0 };
  // Throws: a descriptor that listens is no place to send to.
  return parseUpstream(text);
}

export class Submitter {
  readonly #forwarder: Forwarder;

  constructor(upstream: Upstream, hostname: string, log: Log) {
    this.#forwarder = new Forwarder(upstream, { hostname, log });
  }

  get name(): string {
    return this.#forwarder.name;
  }

  /** What became of each recipient, in their order. Rejects with Unreachable when the server cannot be spoken to. */
  async send({ sender, recipients, isUtf8 }: Submission, content: Content): Promise<readonly Outcome[]> {
    const envelope = {
      sender,
      recipients: recipients.map((address) => ({ address, parameters: [] })),
      // Not known before it has been read.
      size: 0,
      // Whether there are 8-bit bytes is not known either, and to say so where there are none harms nobody.
      parameters: [['BODY', '8BITMIME'] as const, ...(isUtf8 ? [['SMTPUTF8', ''] as const] : [])],
      traits: [],
    };
    const { outcomes } = await this.#forwarder.deliver(envelope, async () => content);
    return outcomes;
  }

  /** Ends the connection. */
  close(): void {
    this.#forwarder.close();
  }
}
