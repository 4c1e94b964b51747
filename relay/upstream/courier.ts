// What the queue knows of the way out: it hands a courier one mail for some recipients and is told what became of each.
// A courier is a smarthost (forward.ts) or delivery by MX (mx.ts); which protocol it speaks is its own affair.

import type { Parameter, Trait } from '../store/store.ts';
import type { Outcome, SendError } from './outcome.ts';
import { cleanReply, ROUTE_ERRORS } from './outcome.ts';

/** A mail's bytes, in pieces. */
export type Content = Iterable<Buffer> | AsyncIterable<Buffer>;

export interface OutgoingRecipient {
  readonly address: string;
  /** As given in RCPT; NOTIFY and ORCPT go on to an upstream that offers DSN. */
  readonly parameters: readonly Parameter[];
}

export interface Envelope {
  /** '' is the null sender. */
  readonly sender: string;
  readonly recipients: readonly OutgoingRecipient[];
  /** Bytes of the content. */
  readonly size: number;
  /** As given in MAIL; BODY, SMTPUTF8, RET, ENVID and REQUIRETLS go on. */
  readonly parameters: readonly Parameter[];
  /** What an upstream must be able to take. */
  readonly traits: readonly Trait[];
}

export interface Delivery {
  /** For each recipient, in their order. */
  readonly outcomes: readonly Outcome[];
  /** 'TLSv1.3'; '' in the clear. */
  readonly tls: string;
  /** The host that was spoken to. */
  readonly host: string;
}

export interface Courier {
  /** For logs and attempts; holds no secret. */
  readonly name: string;
  /**
   * Recipients with the same key may be given to one deliver(). What Unreachable says, it says of this key: of all of a
   * smarthost (''), but only of one domain where mail goes by MX.
   */
  group(recipient: OutgoingRecipient): string;
  /**
   * Sends one mail; `content` gives it from its beginning each time it is called. Rejects with Unreachable when the mail
   * did not leave, and not for its own sake; with what `content` rejects with; everything else is an outcome.
   * `isOurs` is asked at the last moment, before the content and before its end: with no for an answer the end does not
   * leave, and it rejects with LeaseLost.
   */
  deliver(envelope: Envelope, content: () => Promise<Content>, isOurs?: () => boolean): Promise<Delivery>;
  /** Ends idle connections; those at work end after their mail. */
  close(): void;
  /** Ends all of them at once. */
  destroy(): void;
}

/** This process slept, or its store did, and another one may be sending the mail by now: the rest of it was not sent. */
export class LeaseLost extends Error {
  readonly code = 'ELEASE';

  constructor() {
    super('the lease ran out while it was being sent');
    this.name = 'LeaseLost';
  }
}

/** The mail was not sent this way, and not for its own sake: another way may be tried at once. */
export class Unreachable extends Error {
  /** nodemailer's: ESOCKET, ETIMEDOUT, EDNS, EAUTH, ETLS ... */
  readonly code: string | undefined;
  /**
   * `route`: its password, certificate, proxy or set-up is wrong, and somebody has to see to it. `host`: it is away, busy
   * or slow, and will be back.
   */
  readonly blame: 'host' | 'route';

  constructor(error: SendError, blame: 'host' | 'route' = ROUTE_ERRORS.has(error.code) ? 'route' : 'host') {
    super(cleanReply(error.response || error.message));
    this.name = 'Unreachable';
    this.code = error.code;
    this.blame = blame;
  }
}
