// An upstream that fails in every way at every phase: what becomes of the mail, who is to blame, and that the next mail
// goes through as soon as the upstream is well again. The table is the policy; nothing in it may say `delivered` without
// a 250 behind the dot, nor `failed` without a 5xx that speaks of the mail.
import { expect } from 'chai';
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/tls-certificate.ts';
import type { Act, Phase } from '../support/upstream.ts';
import { at, piecesOf, SHORT_WAITS, WayOut, type WayOutOptions } from '../support/way-out.ts';

const TLS = { key: TEST_KEY, cert: TEST_CERTIFICATE };
const LOG_IN: WayOutOptions = { keywords: ['PIPELINING', 'AUTH PLAIN'], credentials: 'me:secret' };

const HOST = 'unreachable: host';
const ROUTE = 'unreachable: route';

interface Row {
  readonly phase: Phase;
  readonly options?: WayOutOptions;
  /** What becomes of the mail when the upstream does this. */
  readonly drop: string;
  readonly reset: string;
  readonly '421': string;
  readonly '451': string;
  readonly '554': string;
  readonly silence: string;
}

const TABLE: readonly Row[] = [
  { phase: 'connect', drop: HOST, reset: HOST, '421': HOST, '451': HOST, '554': HOST, silence: HOST },
  { phase: 'ehlo', drop: HOST, reset: HOST, '421': HOST, '451': HOST, '554': HOST, silence: HOST },
  {
    phase: 'starttls',
    options: { tls: TLS, query: 'tls=require&verify=no' },
    ...{ drop: HOST, reset: HOST, '421': ROUTE, '451': ROUTE, '554': ROUTE, silence: HOST },
  },
  {
    phase: 'auth',
    options: { ...LOG_IN, query: 'tls=none' },
    ...{ drop: HOST, reset: HOST, '421': ROUTE, '451': ROUTE, '554': ROUTE, silence: HOST },
  },
  { phase: 'mail', drop: HOST, reset: HOST, '421': HOST, '451': 'deferred', '554': 'failed', silence: HOST },
  { phase: 'rcpt', drop: HOST, reset: HOST, '421': HOST, '451': 'deferred', '554': 'failed', silence: HOST },
  { phase: 'data', drop: HOST, reset: HOST, '421': HOST, '451': 'deferred', '554': 'failed', silence: HOST },
  { phase: 'content', drop: HOST, reset: HOST, '421': HOST, '451': 'deferred', '554': 'failed', silence: HOST },
  {
    phase: 'dot',
    ...{ drop: 'unknown', reset: 'unknown', '421': HOST, '451': 'deferred', '554': 'failed', silence: 'unknown' },
  },
];

const ACTS: readonly [kind: keyof Row & string, act: Act][] = [
  ['drop', 'drop'],
  ['reset', 'reset'],
  ['421', { last: '421 4.3.2 going down' }],
  ['451', '451 4.3.0 later'],
  ['554', '554 5.7.0 no'],
  ['silence', 'silence'],
];

describe('an upstream that fails', () => {
  let way: WayOut;

  afterEach(() => way.stop());

  for (const keywords of [['PIPELINING'], ['HELP']]) {
    const how = keywords[0] === 'PIPELINING' ? '' : ', without PIPELINING';
    for (const row of TABLE) {
      for (const [kind, act] of ACTS) {
        const expected = row[kind] as string;
        it(`${kind} at ${row.phase}${how}: ${expected}`, async () => {
          way = await WayOut.open({ keywords, waits: SHORT_WAITS, ...row.options });
          const { upstream } = way;
          const isLong = row.phase === 'content';
          upstream.answer = (step) => {
            if (step.phase !== row.phase || (isLong && step.bytes < 100_000)) return undefined;
            if (!isLong) return act;
            // Once: then it reads no more, so that what it says is not said into an open transaction.
            for (const socket of upstream.sockets) socket.pause();
            return act;
          };
          const content = isLong ? piecesOf(Buffer.alloc(9_000_000, 'x\r\n')) : undefined;
          expect(await way.fates({}, content)).to.equal(expected);
          expect(upstream.accepted).to.deep.equal([]);
          expect(upstream.mails.length).to.equal(row.phase === 'dot' ? 1 : 0);
          upstream.answer = () => undefined;
          expect(await way.fates()).to.equal('delivered');
          expect(upstream.accepted.length).to.equal(1);
        });
      }
    }
  }

  describe('behind the mail', () => {
    for (const [kind, act] of ACTS) {
      it(`${kind} at rset: the refusal stands, and the next mail gets a new connection`, async () => {
        way = await WayOut.open({ waits: SHORT_WAITS });
        way.upstream.answer = (step) => at('dot', '554 5.6.0 spam')(step) ?? at('rset', act)(step);
        expect(await way.fates()).to.equal('failed');
        way.upstream.answer = () => undefined;
        expect(await way.fates()).to.equal('delivered');
        expect(way.upstream.connections).to.equal(2);
      });

      it(`${kind} at quit: nothing hangs`, async () => {
        way = await WayOut.open({ waits: { ...SHORT_WAITS, idle: 20 }, answer: at('quit', act) });
        expect(await way.fates()).to.equal('delivered');
        await way.upstream.left();
        expect(await way.fates()).to.equal('delivered');
      });
    }
  });

  it('says what it waited for, and what a 421 said', async () => {
    way = await WayOut.open({ waits: SHORT_WAITS, answer: at('mail', 'silence'), keywords: ['HELP'] });
    const why = (): Promise<string> => way.deliver().then(String, (error: Error) => error.message);
    expect(await why()).to.equal('waited in vain for the reply to MAIL');
    way.upstream.answer = at('mail', { last: '421 4.3.2 \x1b[1mgoing down' });
    expect(await why()).to.equal('421 4.3.2  [1mgoing down');
    way.upstream.answer = at('connect', 'silence');
    expect(await why()).to.equal('waited in vain for the greeting');
  });

  describe('R7 a reply', () => {
    it('of a megabyte is understood, and cut', async () => {
      way = await WayOut.open({ answer: at('dot', `554 5.6.0 \x1b[31m${'x\r'.repeat(500_000)}`) });
      const { outcomes } = await way.deliver();
      expect(outcomes[0]).to.include({ fate: 'failed', status: '5.6.0', remote: true });
      expect(outcomes[0]!.reply.length).to.equal(500);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(outcomes[0]!.reply).to.not.match(/[\0-\x1f\x7f]/);
    });

    it('that never ends is given up', async () => {
      way = await WayOut.open();
      way.upstream.answer = ({ phase }) => {
        if (phase !== 'mail') return undefined;
        for (const socket of way.upstream.sockets) {
          const more = (): void =>
            void (socket.destroyed || socket.write(`250-${'x'.repeat(60_000)}\r\n`, () => setImmediate(more)));
          more();
        }
        return 'silence';
      };
      expect(await way.fates()).to.equal(HOST);
    });

    it('that trickles in for ever is given up when its time is over', async () => {
      way = await WayOut.open({ waits: SHORT_WAITS });
      let trickle: NodeJS.Timeout | undefined;
      way.upstream.answer = ({ phase }) => {
        if (phase !== 'dot') return undefined;
        trickle = setInterval(() => {
          for (const socket of way.upstream.sockets) socket.write('250-wait\r\n');
        }, 30);
        return 'silence';
      };
      expect(await way.fates()).to.equal('unknown');
      clearInterval(trickle);
    });
  });
});
