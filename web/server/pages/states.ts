// The states of recipients: what each means, and how they are shown. Always with their word: colour is an addition.
import type { Counts, RecipientState, StoredRecipient } from '../../../relay/store/store.ts';
import { html, type Markup } from '../html.ts';

interface Shown {
  readonly tone: 'plain' | 'good' | 'waiting' | 'bad';
  readonly meaning: string;
}

/** In the order of a mail's life. */
export const STATES: Readonly<Record<RecipientState, Shown>> = {
  captured: { tone: 'plain', meaning: 'kept here and delivered to nobody' },
  queued: { tone: 'waiting', meaning: 'waits for its first attempt' },
  deferred: { tone: 'waiting', meaning: 'was not taken yet; another attempt follows' },
  held: { tone: 'waiting', meaning: 'waits until somebody releases it' },
  unknown: { tone: 'waiting', meaning: 'was sent but no reply came: perhaps delivered; another attempt follows' },
  delivered: { tone: 'good', meaning: 'was taken by the upstream' },
  bounced: { tone: 'bad', meaning: 'was refused for good' },
  expired: { tone: 'bad', meaning: 'could not be delivered in time; no attempt follows' },
};

const ORDER = Object.keys(STATES) as RecipientState[];

/** `delivered`, or `2 delivered` where a number is given. */
export function stateBadge(state: RecipientState, count?: number): Markup {
  const { tone, meaning } = STATES[state];
  const number = count === undefined ? '' : `${count.toLocaleString('en')} `;
  return html`<span class="badge ${tone}" title="${state}: ${meaning}">${number}${state}</span>`;
}

/** One badge for each state that some recipient is in. */
export function stateBadges(recipients: readonly StoredRecipient[]): Markup[] {
  const counts: Partial<Record<RecipientState, number>> = {};
  for (const { state } of recipients) counts[state] = (counts[state] ?? 0) + 1;
  return ORDER.flatMap((state) => {
    const count = counts[state];
    return count === undefined ? [] : stateBadge(state, recipients.length > 1 ? count : undefined);
  });
}

/** What the whole store holds; empty for a store in which everything is captured. */
export function totalBadges({ recipients }: Counts): Markup[] {
  if (!hasDeliveries({ recipients })) return [];
  return ORDER.flatMap((state) => {
    const count = recipients[state] ?? 0;
    return count === 0 ? [] : stateBadge(state, count);
  });
}

/** Whether there is anything to tell about delivery: a sink's mail is captured, all of it and for ever. */
export function hasDeliveries({ recipients }: Pick<Counts, 'recipients'>): boolean {
  return ORDER.some((state) => state !== 'captured' && (recipients[state] ?? 0) > 0);
}
