import { expect } from 'chai';
import type { Attempt } from '../../relay/store/store.ts';
import { formatTime } from '../../web/server/pages/format.ts';
import { STYLE } from '../../web/server/pages/style.ts';
import { type AppSettings, appOver, put, RECEIVED_AT, settleAll, temporaryStore, visibleText } from './support.ts';

const REFRESH = /<meta http-equiv="refresh" content="5">/;

describe('The page of messages', () => {
  const store = temporaryStore();
  const page = async (path = '/', settings: AppSettings = {}): Promise<string> => {
    const answer = await appOver(store.current, settings).request(path);
    expect([answer.status, answer.headers.get('content-type')]).to.deep.equal([200, 'text/html; charset=UTF-8']);
    return answer.text();
  };

  it('lists time, sender, recipients, size and source, newest first', async () => {
    await put(store.current, { content: 'x'.repeat(5_000) });
    const id = await put(store.current, { sender: '', to: ['a@example.com', 'b@example.com'] });
    const html = await page();
    const text = visibleText(html);
    expect(text)
      .to.include('2 messages ')
      .and.to.match(/ me@example.com you@example.com .* 4.9 KB Source$/);
    expect(text).to.include(`<> a@example.com , b@example.com ${formatTime(RECEIVED_AT)} 29 B Source me@`);
    expect(html).to.include(`href="/message/${id}"`).and.to.include(`href="/api/v1/message/${id}/raw"`);
    expect(html).to.include('<time datetime="2026-11-22T08:46:32.123Z">');
  });

  it('loads nothing from anywhere and runs nothing', async () => {
    await put(store.current);
    const html = await page();
    expect(html).not.to.match(/<script|<img|<iframe|<form| on\w+=| style=|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    // What the policy's hash was made of.
    expect(html).to.include(`<style>${STYLE}</style>`);
  });

  it('shows hostile addresses as text', async () => {
    await put(store.current, { sender: '"<script>alert(1)</script>"@x.example', to: ["a\u202eb'>@y.example"] });
    const html = await page();
    expect(html).not.to.include('<script').and.not.to.include('\u202e');
    expect(visibleText(html))
      .to.include('"<script>alert(1)</script>"@x.example')
      .and.to.include("a\\u202eb'>@y.example");
  });

  it('shows the first recipients of many', async () => {
    await put(store.current, { to: Array.from({ length: 10 }, (_, i) => `r${i}@example.com`) });
    expect(visibleText(await page())).to.include('r0@example.com , r1@example.com , r2@example.com and 7 more');
  });

  it('leads to older messages and back', async () => {
    for (let i = 0; i < 51; i++) await put(store.current, { sender: `s${i}@example.com` });
    const first = await page();
    expect(first).to.include('s50@').and.to.include('s1@').and.not.to.include('s0@');
    const older = /href="(\/\?before=\d+)"/.exec(first)![1]!;
    const second = await page(older);
    expect(visibleText(second)).to.match(/51 messages .*s0@example.com .*Newest$/);
    expect(second)
      .not.to.include('s1@')
      .and.not.to.match(/rel="next"/);
    expect(visibleText(await page('/?before=1'))).to.include('There are no older messages. Newest');
  });

  it('refreshes itself on the first page, unless it is told not to', async () => {
    await put(store.current);
    expect(await page())
      .to.match(REFRESH)
      .and.to.include('href="/?refresh=off">Pause');
    expect(await page('/?refresh=off')).not.to.match(REFRESH);
    expect(await page('/?before=9')).not.to.match(REFRESH);
  });

  it('tells nothing of states where everything is captured', async () => {
    await put(store.current);
    expect(await page())
      .not.to.include('badge"')
      .and.not.to.include('>State<');
  });

  it('tells the states of recipients where mail is delivered', async () => {
    await put(store.current);
    await put(store.current, { route: 'relay', to: ['a@example.com', 'b@example.com'] });
    await settleAll(store.current, { state: 'delivered', nextAttempt: null, attempt: null });
    await put(store.current, { route: 'relay' });
    const text = visibleText(await page());
    expect(text).to.include('3 messages 1 captured 1 queued 2 delivered From To State');
    expect(text).to.match(/you@example.com queued .*b@example.com 2 delivered .*you@example.com captured/);
  });

  describe('while there are none', () => {
    const code = async (settings: AppSettings, path?: string) =>
      [...(await page(path, settings)).matchAll(/<pre class="copy"[^>]*>(.*?)<\/pre>/gs)].map(([, text]) =>
        text!.replaceAll('&#39;', "'"),
      );

    it('tells how to send the first mail', async () => {
      const text = visibleText(await page('/', { smtp: ['127.0.0.1:2526'] }));
      expect(text).to.include('No mail yet').and.to.include('SMTP host 127.0.0.1 and port 2526');
      const [swaks, curl, python] = await code({ smtp: ['127.0.0.1:2526'] });
      expect(swaks).to.match(/^swaks --server 127\.0\.0\.1 --port 2526 /);
      expect(curl).to.include(`curl -sS -T - 'smtp://127.0.0.1:2526'`).and.to.include(`printf '%s\\r\\n' 'From: `);
      expect(python).to.include(`with smtplib.SMTP('127.0.0.1', 2526) as smtp:`);
    });

    it('names the host by which the reader came when SMTP listens everywhere', async () => {
      const everywhere = { smtp: ['0.0.0.0:1025'] };
      expect((await code(everywhere, 'http://192.0.2.7:8025/'))[1]).to.include('smtp://192.0.2.7:1025');
      expect(await code({ smtp: ['[::]:1025'] }, 'http://[::1]:8025/')).to.satisfy(
        ([swaks, curl, python]: string[]) =>
          swaks!.includes('--server ::1 --port 1025') &&
          curl!.includes("'smtp://[::1]:1025'") &&
          python!.includes("SMTP('::1', 1025)"),
      );
    });

    it('prefers a port to a path, and a path to a descriptor', async () => {
      expect(await code({ smtp: ['fd:3', 'unix:/run/a.sock', '127.0.0.1:25'] })).to.have.length(3);
      const [swaks, ...others] = await code({ smtp: ['fd:3', `unix:/run/it's here`] });
      expect(swaks).to.match(/^swaks --socket '\/run\/it'\\''s here' /);
      expect(others).to.deep.equal([]);
      const text = visibleText(await page('/', { smtp: ['fd:3'] }));
      expect(text).to.include('The SMTP server listens on fd:3');
    });

    it('refreshes itself, to show the first one', async () => {
      expect(await page()).to.match(REFRESH);
    });
  });
});

describe('The page of one message', () => {
  const store = temporaryStore();
  const page = async (id: string): Promise<string> => {
    const answer = await appOver(store.current).request(`/message/${id}`);
    expect(answer.status).to.equal(200);
    return answer.text();
  };

  it('shows the envelope and the source as text', async () => {
    const content = 'Subject: <b>Grüße</b>\r\n\r\n</pre><script>alert(1)</script>\r\n';
    const id = await put(store.current, { content, parameters: [['SIZE', '60']], authUser: 'anna' });
    const html = await page(id);
    expect(html).not.to.include('<script');
    const text = visibleText(html);
    expect(text).to.include('From me@example.com SIZE=60').and.to.include('Client 192.0.2.1');
    expect(text).to.include('Protocol ESMTP, without TLS User anna').and.to.include(`Id ${id}`);
    expect(text).to.include('1 recipient you@example.com captured');
    expect(text).to.include('Subject: <b>Grüße</b> </pre><script>alert(1)</script>');
    expect(html).to.include(`href="/api/v1/message/${id}/raw?dl=1"`);
  });

  it('shows attempts with time, upstream, outcome and reply, the latest ten', async () => {
    const id = await put(store.current, { route: 'relay' });
    for (let i = 1; i <= 12; i++) {
      const attempt: Attempt = {
        at: RECEIVED_AT + i,
        upstream: 'mx.example.com:25',
        tls: 'TLSv1.3',
        reply: `451 <${i}>`,
        outcome: 'deferred',
      };
      await settleAll(store.current, { state: 'deferred', nextAttempt: RECEIVED_AT, attempt });
    }
    const html = await page(id);
    const text = visibleText(html);
    expect(text).to.match(/you@example.com deferred next attempt 2026-\S+ \S+ 2 earlier attempts are in the JSON/);
    const third = `${formatTime(RECEIVED_AT + 3)} mx.example.com:25 (TLSv1.3): deferred 451 <3> `;
    expect(text).to.include(third).and.not.to.include('<2>');
    expect(html).to.include('start="3"');
  });

  it('shows the first 256 KB of a long source, and a link to the whole', async () => {
    const id = await put(store.current, { content: `${'x'.repeat(256 * 1024 - 1)}üEND` });
    const html = await page(id);
    expect(visibleText(html)).to.include('The first 256 KB of 256 KB: the whole source');
    expect(html).to.include('x</pre>').and.not.to.include('END').and.not.to.include('\ufffd');
    const whole = await put(store.current, { content: `${'x'.repeat(256 * 1024 - 3)}END` });
    expect(await page(whole))
      .to.include('xEND</pre>')
      .and.not.to.include('the whole source');
  });

  it('keeps a line end with which a source begins', async () => {
    const id = await put(store.current, { content: '\r\nbody' });
    expect(await page(id)).to.include('aria-labelledby="source">\n\r\nbody</pre>');
  });

  it('stays a page when there are very many recipients', async () => {
    const id = await put(store.current, { to: Array.from({ length: 450 }, (_, i) => `r${i}@example.com`) });
    const text = visibleText(await page(id));
    expect(text).to.include('450 recipients').and.to.include('r199@example.com').and.not.to.include('r200@');
    expect(text).to.include('250 more are in the JSON');
  });
});
