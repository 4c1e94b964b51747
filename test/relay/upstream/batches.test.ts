// Mail for many: how it is divided into transactions, and that nobody is sent to twice whatever happens between two.
import { expect } from 'chai';
import type { Envelope } from '../../../relay/upstream/courier.ts';
import { Unreachable } from '../../../relay/upstream/courier.ts';
import { outgoing, WayOut, type WayOutOptions } from '../support/way-out.ts';

describe('mail for many recipients', () => {
  let way: WayOut;

  afterEach(() => way.stop());

  const many = (count: number): Envelope =>
    outgoing({ recipients: Array.from({ length: count }, (_, i) => `b${i}@x.example`) });

  async function send(envelope: Envelope, options: WayOutOptions = {}): Promise<string> {
    way = await WayOut.open(options);
    return again(envelope);
  }

  /** How often each outcome is there: `200 delivered`. */
  async function again(envelope: Envelope): Promise<string> {
    const { outcomes } = await way.forwarder.deliver(envelope, () =>
      Promise.resolve([Buffer.from('S: t\r\n\r\nx\r\n')]),
    );
    const counts = new Map<string, number>();
    for (const { fate } of outcomes) counts.set(fate, (counts.get(fate) ?? 0) + 1);
    return [...counts].map(([fate, count]) => `${count} ${fate}`).join(', ');
  }

  const sizes = (): number[] => way.upstream.accepted.map(({ to }) => to.length);

  /** Nobody got it twice. */
  function expectEachOnce(): void {
    const all = way.upstream.accepted.flatMap(({ to }) => to);
    expect(new Set(all).size).to.equal(all.length);
  }

  it('goes in hundreds', async () => {
    expect(await send(many(250))).to.equal('250 delivered');
    expect(sizes()).to.deep.equal([100, 100, 50]);
    expectEachOnce();
  });

  it('goes in what LIMITS says', async () => {
    const options = { keywords: ['PIPELINING', 'LIMITS MAILMAX=9 RCPTMAX=20'] };
    await send(outgoing(), options);
    expect(await again(many(50))).to.equal('50 delivered');
    expect(sizes()).to.deep.equal([1, 20, 20, 10]);
  });

  it('learns from 452 how many there is room for, and sends the others at once', async () => {
    let taken = 0;
    const answer: NonNullable<WayOutOptions['answer']> = ({ phase }) => {
      if (phase === 'mail') taken = 0;
      return phase === 'rcpt' && ++taken > 30 ? '452 4.5.3 Too many recipients' : undefined;
    };
    expect(await send(many(70), { answer })).to.equal('70 delivered');
    expect(sizes()).to.deep.equal([30, 30, 10]);
    expect(await again(many(40))).to.equal('40 delivered');
    expect(sizes()).to.deep.equal([30, 30, 10, 30, 10]);
  });

  it('does not ask again where nobody was taken, or where 452 means something else', async () => {
    expect(
      await send(many(3), { answer: ({ phase }) => (phase === 'rcpt' ? '452 4.5.3 Too many' : undefined) }),
    ).to.equal('3 deferred');
    way.upstream.answer = ({ phase, line }) =>
      phase === 'rcpt' && line.includes('b1') ? '452 4.3.1 disk full' : undefined;
    expect(await again(many(3))).to.equal('2 delivered, 1 deferred');
  });

  it('keeps what is settled when the upstream goes away between two', async () => {
    const answer: NonNullable<WayOutOptions['answer']> = ({ phase, mails }) =>
      phase === 'mail' && mails === 1
        ? { last: '421 4.3.2 going down' }
        : phase === 'connect' && mails === 1
          ? 'drop'
          : undefined;
    expect(await send(many(250), { answer })).to.equal('100 delivered, 150 deferred');
    expectEachOnce();
  });

  it('stops behind a dot that was not answered', async () => {
    const answer: NonNullable<WayOutOptions['answer']> = ({ phase, mails }) =>
      phase === 'dot' && mails === 2 ? 'drop' : undefined;
    expect(await send(many(250), { answer })).to.equal('100 delivered, 100 unknown, 50 deferred');
  });

  it('is unreachable when the first cannot be sent', async () => {
    const error = await send(many(250), { answer: () => 'drop' }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(Unreachable);
  });
});
