import { connect } from 'node:net';
import { expect } from 'chai';
import { until } from '../../support/within.ts';
import { type Json, sinkForSuite, startSink } from '../sink.ts';

interface Answer {
  readonly messages: { readonly id: string; readonly seq: number }[];
  readonly cursor: number;
}

describe('Waiting', () => {
  const sink = sinkForSuite();
  const ask = (query: string) => sink.current.ask(`api/lonedot/v1/wait?${query}`);
  const wait = (query: string) => sink.current.json<Answer>(`api/lonedot/v1/wait?${query}`);
  const named = (subject: string, to = 'bob@example.com') =>
    sink.current.put({ to: [to], lines: [`To: ${to}`, `Subject: ${subject}`, '', 'Your code is 493817.'] });

  it('is answered at once by what is there', async () => {
    const id = await named('first');
    const { messages } = await wait('query=subject:first&capture=code=is%20(%5Cd%2B)');
    expect(messages).to.have.length(1);
    expect(messages[0]).to.deep.include({
      id,
      subject: 'first',
      codes: ['493817'],
      links: [],
      captures: { code: '493817' },
    });
    const { waited } = await import('../../../web/server/lonedot/schemas.ts');
    waited.parse({ messages, cursor: 1 });
  });

  it('is answered when it comes, and not by another one', async () => {
    const answer = wait('query=subject:wanted&timeout=20s');
    await named('other');
    const id = await named('wanted');
    expect((await answer).messages.map((one) => one.id)).to.deep.equal([id]);
  });

  it('gathers as many as are wanted', async () => {
    const answer = wait('query=subject:many&count=3&timeout=20s');
    const ids = [await named('many 1'), await named('few'), await named('many 2'), await named('many 3')];
    expect((await answer).messages.map((one) => one.id)).to.deep.equal([ids[0], ids[2], ids[3]]);
  });

  it('misses none between two calls, and repeats none', async () => {
    const wanted = 60;
    const sent: string[] = [];
    const sending = (async () => {
      for (let i = 0; i < wanted; i++) sent.push(await named(`burst ${i}`));
    })();
    const seen: string[] = [];
    let cursor = 0;
    while (seen.length < wanted) {
      const answer = await wait(`query=subject:burst&timeout=20s&after=${cursor}`);
      seen.push(...answer.messages.map((one) => one.id));
      expect(answer.cursor).to.be.greaterThan(cursor);
      cursor = answer.cursor;
    }
    await sending;
    expect(seen).to.deep.equal(sent);
  });

  it('tells after the timeout what came instead', async () => {
    await named('one', 'a@example.com');
    await named('two', 'b@example.com');
    await named('three', 'c@example.com');
    const answer = await ask('query=to:x@y.example%20subject:two&timeout=0');
    expect(answer.status).to.equal(408);
    const missed = (await answer.json()) as Json;
    const { missed: schema } = await import('../../../web/server/lonedot/schemas.ts');
    schema.parse(missed);
    expect(missed.error).to.equal('3 mails came, none has to:x@y.example');
    expect([missed.came, missed.misses[0].message.subject, missed.misses[0].lacks]).to.deep.equal([
      3,
      'two',
      ['to:x@y.example'],
    ]);
    const empty = (await (await ask('timeout=0&after=999999&query=x')).json()) as Json;
    expect(empty.error).to.equal('no mail came since the cursor');
    const few = (await (await ask('timeout=0&query=subject:two&count=2')).json()) as Json;
    expect([few.error, few.found.length]).to.deep.equal(['1 of 2 mails came that match subject:two', 1]);
    const both = (await (
      await ask(`timeout=0&query=${encodeURIComponent('to:a@example.com subject:two')}`)
    ).json()) as Json;
    expect(both.error).to.match(
      /^3 mails came, none has all of to:a@example\.com subject:two; the nearest, "\w+", lacks /,
    );
  });

  it('refuses what makes no sense at once', async () => {
    for (const query of [
      'timeout=x',
      'count=0',
      'after=x',
      'query=(',
      'capture=x',
      'count=1&count=2',
      'namespace=none',
    ]) {
      expect((await ask(query)).status, query).to.be.oneOf([400, 404]);
    }
  });

  it('forgets a client that goes away', async () => {
    const inbox = sink.current.mail.inbox!;
    const subscribe = inbox.subscribe.bind(inbox);
    let listeners = 0;
    inbox.subscribe = (heed) => {
      listeners++;
      const leave = subscribe(heed);
      return () => {
        listeners--;
        leave();
      };
    };
    try {
      const socket = connect(Number(new URL(sink.current.url).port), '127.0.0.1');
      socket.write('GET /api/lonedot/v1/wait?timeout=60s&query=subject:never HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await until(5000, () => listeners === 1, 'waiting');
      socket.destroy();
      await until(5000, () => listeners === 0, 'the end of waiting');
    } finally {
      inbox.subscribe = subscribe;
    }
  });

  it('is answered when the server stops', async () => {
    const other = await startSink();
    const waiting = other.ask('api/lonedot/v1/wait?timeout=60s&query=subject:never');
    const events = await other.ask('api/lonedot/v1/events');
    // Answered behind the one that waits.
    await other.ask('livez');
    const started = Date.now();
    const stopped = other.stop();
    const answer = await waiting;
    expect([answer.status, ((await answer.json()) as Json).error]).to.deep.equal([503, 'the server is stopping']);
    await events.text();
    await stopped;
    expect(Date.now() - started).to.be.lessThan(1900);
  });

  it('streams the same as events, and goes on where it was broken off', async () => {
    const first = await named('streamed 1');
    const read = async (headers: Record<string, string>, query: string, count: number, act = async () => {}) => {
      const stop = new AbortController();
      const url = `api/lonedot/v1/events?query=subject:streamed${query}`;
      const answer = await sink.current.ask(url, { headers, signal: stop.signal });
      expect(answer.headers.get('content-type')).to.equal('text/event-stream; charset=utf-8');
      let text = '';
      const reading = (async () => {
        for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) text += piece;
      })().catch(() => {});
      await act();
      await until(10_000, () => text.split('event: message').length > count, 'the events');
      stop.abort();
      await reading;
      return [...text.matchAll(/id: (\d+)\ndata: (.*)\n/g)].map(([, seq, data]) => ({
        seq: seq!,
        id: JSON.parse(data!).id,
      }));
    };
    let second = '';
    const [one, two] = await read({}, '&after=0', 2, async () => {
      second = await named('streamed 2');
    });
    expect([one!.id, two!.id]).to.deep.equal([first, second]);
    const again = await read({ 'Last-Event-ID': one!.seq }, '', 1);
    expect(again.map(({ id }) => id)).to.deep.equal([second]);
  });

  it('waits only for its own namespace', async () => {
    const own = (path: string, init?: RequestInit) => sink.current.json(`api/lonedot/v1${path}`, init);
    const { name } = await own('/namespaces', { method: 'POST', body: '{}' });
    const answer = wait(`namespace=${name}&timeout=20s`);
    await named('for nobody');
    const id = await named('for it', `anything+${name}@example.com`);
    expect((await answer).messages.map((one) => one.id)).to.deep.equal([id]);
    const byPath = await own(`/ns/${name}/wait?timeout=0`);
    expect(byPath.messages.map((one: { id: string }) => one.id)).to.deep.equal([id]);
    await sink.current.ask(`api/lonedot/v1/namespaces/${name}`, { method: 'DELETE' });
  });
});
