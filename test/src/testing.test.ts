// The testing kit, tested: which cuts it makes, that it finds a parser out, and how it tells.
import { AssertionError } from 'node:assert';
import { expect } from 'chai';
import { AsyncChat } from '../../src/chat.ts';
import * as kit from '../../src/testing.ts';
import { everySplit, FakeClock, memoryTransportPair, runTranscript } from '../../src/testing.ts';
import { socketTransport, type Transport } from '../../src/transport.ts';
import { bytes, CRLF } from '../support/recording.ts';
import { destroySockets, socketPair } from '../support/sockets.ts';
import { turn, within } from '../support/within.ts';

describe('lonedot/testing', () => {
  it('exports the kit, and no more', () => {
    expect(Object.keys(kit).sort()).to.deep.equal(['FakeClock', 'everySplit', 'memoryTransportPair', 'runTranscript']);
  });
});

describe('everySplit', () => {
  const text = (chunks: Buffer[]) => chunks.map((chunk) => chunk.toString('latin1'));

  it('runs the whole, each cut in two, and single bytes', () => {
    const seen: string[][] = [];
    const result = everySplit('abcd', (chunks) => {
      seen.push(text(chunks));
      return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    });
    expect(result).to.equal(4);
    expect(seen).to.deep.equal([['abcd'], ['a', 'bcd'], ['ab', 'cd'], ['abc', 'd'], ['a', 'b', 'c', 'd']]);
  });

  for (const [input, runs] of [
    ['', 1],
    ['a', 1],
    ['ab', 2],
  ] as const) {
    it(`runs ${JSON.stringify(input)} ${runs === 1 ? 'once' : 'twice'}`, () => {
      let n = 0;
      everySplit(input, () => {
        n++;
        return 0;
      });
      expect(n).to.equal(runs);
    });
  }

  it('adds random cuts when asked, the same for the same seed, all of the same bytes', () => {
    const run = (seed: number) => {
      const seen: string[][] = [];
      everySplit(
        'the quick brown fox',
        (chunks) => {
          seen.push(text(chunks));
          return chunks.map((chunk) => chunk.toString()).join('');
        },
        { random: 10, seed },
      );
      return seen;
    };
    expect(run(7)).to.deep.equal(run(7));
    expect(run(7)).to.not.deep.equal(run(8));
    expect(run(7)).to.have.length(1 + 18 + 1 + 10);
    expect(new Set(run(7).map((cut) => cut.length)).size).to.be.greaterThan(5);
  });

  it('gives each run buffers of its own', () => {
    const input = bytes('abc');
    const seen = new Set<Buffer>();
    everySplit(input, (chunks) => {
      expect(Buffer.concat(chunks).toString()).to.equal('abc');
      for (const chunk of chunks) {
        expect(seen.has(chunk)).to.equal(false);
        seen.add(chunk);
        chunk.fill(0);
      }
      return 0;
    });
    expect(input.toString()).to.equal('abc');
  });

  it('finds a parser out that looks only into the chunk in hand, and names the cut', () => {
    const naive = (chunks: Buffer[]) => chunks.flatMap((chunk) => chunk.toString().split('\r\n'));
    expect(() => everySplit('a\r\nb', naive))
      .to.throw(AssertionError, /cut at 1: "a" \/ "\\r\\nb"/)
      .with.property('expected')
      .that.deep.equals(['a', 'b']);
  });

  it('compares deeply and strictly', () => {
    const off = (chunks: Buffer[]) => ({ frames: [chunks.length > 1 ? '1' : 1] });
    expect(() => everySplit('ab', off)).to.throw(AssertionError);
  });

  it('waits for an async parser, one run after the other', async () => {
    let running = 0;
    const result = everySplit('abc', async (chunks) => {
      expect(++running).to.equal(1);
      await turn();
      running--;
      return Buffer.concat(chunks).toString();
    });
    expect(result).to.be.instanceOf(Promise);
    expect(await result).to.equal('abc');
  });

  it('rejects for an async parser that is found out', async () => {
    const error = await everySplit('abc', async (chunks) => chunks.length).then(
      () => expect.fail('it was resolved'),
      (e: unknown) => e,
    );
    expect(error).to.be.instanceOf(AssertionError).with.property('message').that.contains('cut at 1');
  });
});

/** Answers lines: so the dialogues have somebody to talk to. */
class Polite extends AsyncChat {
  private line = '';

  constructor(transport: Transport) {
    super(transport);
    this.setTerminator(CRLF);
    this.push(bytes('220 polite ready\r\n'));
  }

  protected override collectIncomingData(data: Buffer): void {
    this.line += data.toString('latin1');
  }

  protected override foundTerminator(): void {
    const { line } = this;
    this.line = '';
    if (line === 'QUIT') {
      this.push(bytes('221 bye\r\n'));
      this.closeWhenDone();
    } else if (line === 'HALF') this.push(bytes('no end of line'));
    else if (line !== 'SILENCE') this.push(bytes(`250-${line}\r\n250 ok\r\n`));
  }

  protected override handleEof(): void {
    this.push(bytes('221 so long\r\n'));
    this.closeWhenDone();
  }
}

const WAYS: Record<string, () => Promise<Transport>> = {
  'a pair in memory': async () => {
    const [near, far] = memoryTransportPair();
    new Polite(far);
    return near;
  },
  'a socket': async () => {
    const { client, server } = await socketPair();
    new Polite(socketTransport(server));
    return socketTransport(client);
  },
};

for (const [way, connect] of Object.entries(WAYS)) {
  describe(`runTranscript over ${way}`, () => {
    afterEach(destroySockets);

    async function failure(text: string, deadlineMs = 300): Promise<string> {
      const error = await runTranscript(text, connect, { deadlineMs }).then(
        () => expect.fail('the transcript was accepted'),
        (e: unknown) => e,
      );
      expect(error).to.be.instanceOf(AssertionError);
      return (error as Error).message;
    }

    it('plays a dialogue: exact lines, beginnings, expressions, and the end', async () => {
      await runTranscript(
        `
        # a greeting, a command, the end
        S: 220 *
        C: HELO me

        S: 250-HELO me
        S: /^250 (ok|fine)$/
        C: quit
        S: /QUIT/i
        S: *
        C: QUIT
        S: 221 bye
        S:close
        `,
        connect,
      );
    });

    it('sends lines that follow each other in one write', async () => {
      await runTranscript('S: 220 *\nC: a\nC: b\nS: 250-a\nS: 250 ok\nS: 250-b\nS: 250 ok', connect);
    });

    it('ends the stream of the client, and hears the server out', async () => {
      await runTranscript('S: 220 *\nC:close\nS: 221 so long\nS:close', connect);
    });

    it('understands escapes on both sides', async () => {
      await runTranscript('S: 220 *\nC: a\\x00\\t\\\\b\\xe9\nS: 250-a\\x00\\t\\\\b\\xe9\nS: 250 ok', connect);
    });

    it('shows the dialogue up to a line that is another', async () => {
      expect(await failure('S: 220 *\nC: HELO me\nS: 250-HELO me\nS: 550 no')).to.equal(
        'the dialogue went another way:\n' +
          '    S: 220 polite ready\n    C: HELO me\n    S: 250-HELO me\n' +
          '  expected\n    S: 550 no\n  got\n    S: 250 ok',
      );
    });

    it('fails at a line where the end is expected, and at the end where a line is', async () => {
      expect(await failure('S: 220 *\nC: a\nS:close')).to.match(/expected\n {4}S:close\n {2}got\n {4}S: 250-a$/);
      expect(await failure('S: 220 *\nC: QUIT\nS: 221 *\nS: 250 more')).to.match(
        /got\n {4}the server ended its stream$/,
      );
    });

    it('fails when nothing comes, and says how long it waited', async () => {
      expect(await failure('S: 220 *\nC: SILENCE\nS: 250 *', 30)).to.match(/got\n {4}nothing within 30 ms$/);
    });

    it('fails for a line without its end, and shows it', async () => {
      expect(await failure('S: 220 *\nC: HALF\nS: no end of line', 60)).to.match(
        /got\n {4}S: no end of line \(no CRLF; nothing within 60 ms\)$/,
      );
    });

    it('does not take an expression for a beginning', async () => {
      expect(await failure('S: /^ready/')).to.contain('got\n    S: 220 polite ready');
    });
  });
}

describe('runTranscript', () => {
  for (const [name, text] of [
    ['a line of nobody', 'X: hello'],
    ['a line without its blank', 'C:hello'],
    ['an expression that is none', 'S: /(/'],
    ['flags that are none', 'S: /x/zz'],
    ['another close', 'C: a\nC:closed'],
  ] as const) {
    it(`refuses ${name} before it connects, with its number`, async () => {
      let connected = false;
      const error = await runTranscript(text, () => {
        connected = true;
        return memoryTransportPair()[0];
      }).then(
        () => expect.fail('it was accepted'),
        (e: unknown) => e,
      );
      expect(error)
        .to.be.instanceOf(SyntaxError)
        .with.property('message')
        .that.matches(/^transcript line \d:/);
      expect(connected).to.equal(false);
    });
  }

  it('takes its time from a clock, and leaves no timer behind', async () => {
    const clock = new FakeClock();
    const [near] = memoryTransportPair();
    const done = runTranscript('S: never', () => near, { clock, deadlineMs: 1000 });
    await turn();
    expect(clock.pending).to.equal(1);
    clock.advance(1000);
    const error = await within(
      1000,
      done.then(
        () => 'accepted',
        (e: Error) => e.message,
      ),
      'the deadline',
    );
    expect(error).to.contain('nothing within 1000 ms');
    expect(clock.pending).to.equal(0);
  });

  it('tells a connection that failed', async () => {
    const [near, far] = memoryTransportPair();
    const done = runTranscript('S: hello', () => near);
    await turn();
    near.destroy(new Error('the cable was cut'));
    far.end();
    const message = await within(
      1000,
      done.then(
        () => 'accepted',
        (e: Error) => e.message,
      ),
    );
    expect(message).to.contain('the connection failed: the cable was cut');
  });

  it('destroys the client in the end, whether or not all went well', async () => {
    for (const text of ['C: a', 'C: a\nS: b']) {
      const [near, far] = memoryTransportPair();
      const events: string[] = [];
      far.on('data', () => far.write(bytes('c\r\n')));
      far.on('end', () => events.push('end'));
      await runTranscript(text, () => near).catch(() => {});
      await turn();
      expect(events).to.deep.equal(['end']);
    }
  });
});
