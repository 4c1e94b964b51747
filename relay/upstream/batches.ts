// A mail for many recipients, in as many transactions as the other side needs: a hundred at a time, which every server
// must take (RFC 5321 4.5.3.1.8), or as many as this one has shown to take. Those that it had no room for are sent at
// once in another one (4.5.3.1.10) and not after a wait that doubles each time.
import type { Delivery, Envelope, OutgoingRecipient } from './courier.ts';
import type { Outcome } from './outcome.ts';

const MOST = 100;
/** It says that the transaction is full: 452 has other meanings, too. */
const TOO_MANY = /^452[ -](4\.5\.3\b|.*too many)/i;

export class Batches {
  private most = MOST;

  /** RFC 9422: what the other side says in EHLO, `RCPTMAX=20 MAILMAX=5`. */
  limit(limits: string | undefined): void {
    const [, most] = /(?:^| )RCPTMAX=(\d{1,6})(?: |$)/i.exec(limits ?? '') ?? [];
    if (Number(most) > 0) this.most = Math.min(this.most, Number(most));
  }

  /** Rejects as `send` does, but only as long as nothing is decided about anybody. */
  async deliver(envelope: Envelope, send: (batch: Envelope) => Promise<Delivery>): Promise<Delivery> {
    const { recipients } = envelope;
    if (recipients.length === 1) return send(envelope);
    const outcomes = new Map<OutgoingRecipient, Outcome>();
    let waiting = recipients;
    let last: Delivery | null = null;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, this.most);
      const rest = waiting.slice(this.most);
      try {
        last = await send(batch.length === recipients.length ? envelope : { ...envelope, recipients: batch });
      } catch (error) {
        if (last === null) throw error;
        // Those before are settled: only the others are tried again.
        return this.whole(recipients, outcomes, last, { fate: 'deferred', reply: (error as Error).message });
      }
      const answers = last.outcomes;
      for (const [i, one] of batch.entries()) outcomes.set(one, answers[i]!);
      const taken = answers.filter(({ fate }) => fate === 'delivered').length;
      const left = taken > 0 ? batch.filter((_, i) => TOO_MANY.test(answers[i]!.reply)) : [];
      if (left.length > 0) this.most = Math.min(this.most, taken);
      // Gone behind the dot: whoever follows would wait as long, and perhaps in vain again.
      const lost = answers.find(({ fate }) => fate === 'unknown');
      if (lost && rest.length > 0) {
        return this.whole(recipients, outcomes, last, { fate: 'deferred', reply: lost.reply });
      }
      waiting = [...left, ...rest];
    }
    return this.whole(recipients, outcomes, last!);
  }

  private whole(
    recipients: readonly OutgoingRecipient[],
    outcomes: ReadonlyMap<OutgoingRecipient, Outcome>,
    { tls, host }: Delivery,
    rest?: Outcome,
  ): Delivery {
    return { outcomes: recipients.map((one) => outcomes.get(one) ?? rest!), tls, host };
  }
}
