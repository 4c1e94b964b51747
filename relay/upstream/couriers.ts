// The courier for an upstream: to one host, or by MX; with a signer in front where mail is signed.
import type { Courier } from './courier.ts';
import { type Signer, SigningCourier } from './dkim.ts';
import { type CourierSettings, Forwarder } from './forward.ts';
import { MxCourier } from './mx.ts';
import type { Upstream } from './upstream.ts';

export interface Settings extends CourierSettings {
  readonly signer?: Signer | null;
}

/** Throws ChatError BAD_OPTION when a file that the upstream names cannot be used. */
export function openCourier(upstream: Upstream, { signer, ...settings }: Settings): Courier {
  const courier = upstream.kind === 'mx' ? new MxCourier(upstream, settings) : new Forwarder(upstream, settings);
  return signer ? new SigningCourier(courier, signer, settings.log) : courier;
}
