// What of a claim goes one way together: some recipients of one mail, and the lanes that may take them in their order.
// Recipients of one mail part where their routes differ, or where a courier cannot take them in one transaction.

import type { Claim, ClaimedRecipient } from '../store/store.ts';
import type { Lane, LaneJob } from './lane.ts';
import type { Result } from './queue-result.ts';

export interface Parcel extends LaneJob {
  readonly claim: Claim;
  readonly recipients: ClaimedRecipient[];
  readonly lanes: readonly Lane<Parcel>[];
  /** Its place among `lanes`: those before it could not be reached. */
  next: number;
  /** The key of its recipients in the lane at `next`. */
  scope: string;
  /** The last lane that was tried in vain; null while none was. */
  failure: { readonly upstream: string; readonly why: string } | null;
  /** null for a mail that is one parcel. */
  family: Family | null;
}

/** The parcels of one mail. Their failures are settled together, so that they make one bounce and not many. */
export interface Family {
  /** Parcels that are still on their way. */
  open: number;
  readonly failed: Result[];
}

/** Puts recipients that the lane's courier takes together into one parcel each; sets its scope there. */
export function partedFor(parcel: Parcel, lane: Lane<Parcel>): readonly Parcel[] {
  const { recipients } = parcel;
  const first = lane.courier.group(recipients[0]!);
  if (recipients.length === 1 || recipients.every((one) => lane.courier.group(one) === first)) {
    parcel.scope = first;
    return [parcel];
  }
  const groups = new Map<string, ClaimedRecipient[]>();
  for (const one of recipients) {
    const key = lane.courier.group(one);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  const family = parcel.family ?? { open: 1, failed: [] };
  family.open += groups.size - 1;
  return [...groups].map(([key, some]) => ({ ...parcel, recipients: some, scope: key, family }));
}
