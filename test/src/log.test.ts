import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect } from 'chai';
import { paintFor } from '../../src/colour.ts';
import type { LogFormat, LogLevel } from '../../src/log.ts';
import { createLog, renderJson, silentLog, textRenderer } from '../../src/log.ts';
import { escapeControls, maskUrls, redact } from '../../src/redact.ts';

/** A log, and what it has written so far. */
function logTo(level: LogLevel, format: LogFormat) {
  let written = '';
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written += chunk.toString('utf8');
      done();
    },
  });
  return { log: createLog({ level, format, stream }), lines: () => written.split('\n').slice(0, -1) };
}

const bare = (line: string) => line.replace(/^\S+ /, '');

describe('createLog', () => {
  it('writes text for people', async () => {
    const { log, lines } = logTo('info', 'text');
    log.info('session.closed', { id: 's1', bytes: 12, reply: '250 OK', ok: true, list: [1, 'a'] });
    log.error('store.failed');
    await log.flush();
    expect(lines()[0]).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info {2}session\.closed /);
    expect(lines().map(bare)).to.deep.equal([
      'info  session.closed id=s1 bytes=12 reply="250 OK" ok=true list=[1,"a"]',
      'error store.failed',
    ]);
  });

  it('writes JSON for programs, in which no field replaces time, level or event', async () => {
    const { log, lines } = logTo('info', 'json');
    log.warn('a.b', { id: 7, level: 'forged', event: 'forged', time: 'forged' });
    await log.flush();
    const record = JSON.parse(lines()[0]!) as { time: string };
    expect(record).to.include({ level: 'warn', event: 'a.b', id: 7 });
    expect(Object.keys(record)).to.deep.equal(['time', 'level', 'event', 'id']);
    expect(Date.parse(record.time)).to.be.closeTo(Date.now(), 60_000);
  });

  for (const [level, expected] of [
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['info', ['error', 'warn', 'info']],
    ['debug', ['error', 'warn', 'info', 'debug']],
  ] as const) {
    it(`writes ${expected.join(', ')} at level ${level}`, async () => {
      const { log, lines } = logTo(level, 'json');
      for (const name of ['error', 'warn', 'info', 'debug'] as const) log[name]('x');
      await log.flush();
      expect(lines().map((line) => (JSON.parse(line) as { level: string }).level)).to.deep.equal(expected);
    });
  }

  it('keeps the order of records before, while and after winston is loaded', async () => {
    const { log, lines } = logTo('info', 'json');
    for (let n = 0; n < 50; n++) log.info('x', { n });
    await new Promise((resolve) => setImmediate(resolve));
    for (let n = 50; n < 100; n++) log.info('x', { n });
    await log.flush();
    log.info('x', { n: 100 });
    await log.flush();
    expect(lines().map((line) => (JSON.parse(line) as { n: number }).n)).to.deep.equal([...Array(101).keys()]);
  });

  it('gives records the time of their event and the values of that moment', async () => {
    const { log, lines } = logTo('info', 'json');
    const list = [1];
    log.info('x', { list });
    list.push(2);
    await log.flush();
    expect(JSON.parse(lines()[0]!)).to.deep.include({ list: [1] });
  });

  it('has children that add their fields', async () => {
    const { log, lines } = logTo('info', 'text');
    log.child({ session: 's1' }).child({ peer: 'p' }).info('x', { peer: 'q', n: 1 });
    await log.flush();
    expect(lines().map(bare)).to.deep.equal(['info  x session=s1 peer=q n=1']);
  });

  it('shows stacks at level debug only', async () => {
    const quiet = logTo('info', 'json');
    const loud = logTo('debug', 'json');
    for (const { log } of [quiet, loud]) log.error('x', { error: new Error('broken') });
    await Promise.all([quiet.log.flush(), loud.log.flush()]);
    expect(JSON.parse(quiet.lines()[0]!)).to.include({ error: 'broken' });
    expect((JSON.parse(loud.lines()[0]!) as { error: string }).error).to.match(/^Error: broken\n {4}at /);
  });

  it('survives a stream that fails', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const log = createLog({ level: 'info', format: 'text', stream });
    log.info('a');
    log.info('b');
    await log.flush();
    log.info('c');
    await log.flush();
  });

  it('flushes at once when there is nothing, and silentLog says nothing', async () => {
    await logTo('info', 'text').log.flush();
    await silentLog.child({ a: 1 }).flush();
    silentLog.error('x');
  });

  it('does not load winston for what it does not write', () => {
    const log = join(import.meta.dirname, `../../src/log${import.meta.filename.slice(-3)}`);
    const program = `
      import { createRequire } from 'node:module';
      const { createLog } = await import(${JSON.stringify(log)});
      const log = createLog({ level: 'error', format: 'text' });
      log.info('x'); log.child({}).debug('y'); await log.flush();
      await new Promise((resolve) => setTimeout(resolve, 50));
      const loaded = Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/winston/'));
      log.error('z'); await log.flush();
      const later = Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/winston/'));
      console.log(loaded, later);`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', program];
    expect(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })).to.equal(
      'false true\n',
    );
  });
});

describe('lines of a log', () => {
  const nasty = 'a\r\n2026-01-01T00:00:00.000Z info forged\x1b[31m\x7f\x9b\u2028\u202e\u200b';

  it('cannot be forged by a peer', () => {
    const record = { time: 't', level: 'info', event: 'x', fields: { text: nasty, [nasty]: 1 } } as const;
    for (const line of [renderJson(record), textRenderer({})(record)]) {
      expect(line).to.match(/^[\x20-\x7e]*$/);
      expect(line).to.contain('\\r\\n');
    }
    expect(JSON.parse(renderJson(record))).to.deep.include({ text: nasty });
  });

  it('quote in text what is not a plain word', () => {
    const line = textRenderer({})({
      time: 't',
      level: 'info',
      event: 'x',
      fields: { a: 'b c', d: 'e=f', g: '', h: 'ü' },
    });
    expect(line).to.equal('t info  x a="b c" d="e=f" g="" h=ü');
  });

  it('are coloured on a terminal', () => {
    const record = { time: 't', level: 'warn', event: 'x', fields: { a: 1 } } as const;
    const coloured = '\x1b[2mt\x1b[0m \x1b[33mwarn \x1b[0m x \x1b[36ma\x1b[0m=1';
    expect(textRenderer({ isTTY: true }, {})(record)).to.equal(coloured);
    expect(textRenderer({ isTTY: true }, { NO_COLOR: '1' })(record)).to.equal('t warn  x a=1');
  });

  it('colour obeys NO_COLOR and FORCE_COLOR', () => {
    const colours = (isTTY: boolean, env: NodeJS.ProcessEnv) => paintFor({ isTTY }, env)('red', 'x') !== 'x';
    expect(colours(true, {})).to.equal(true);
    expect(colours(false, {})).to.equal(false);
    expect(colours(true, { NO_COLOR: '' })).to.equal(true);
    expect(colours(false, { FORCE_COLOR: '1', NO_COLOR: '1' })).to.equal(true);
    expect(colours(true, { FORCE_COLOR: '0' })).to.equal(false);
  });
});

describe('redact', () => {
  for (const name of [
    'password',
    'smtpPassword',
    'auth',
    'token',
    'accessToken',
    'Authorization',
    'apiKey',
    'set-cookie',
  ]) {
    it(`hides ${name}`, () => {
      expect(redact({ nested: { [name]: 'secret' } })).to.deep.equal({ nested: { [name]: '***' } });
    });
  }

  it('keeps what only sounds similar, and what is empty', () => {
    const fields = { authUser: 'me', bypass: 1, author: 'x', password: '', token: null, auth: true };
    expect(redact(fields)).to.deep.equal(fields);
  });

  it('hides passwords in URLs and on AUTH lines', () => {
    expect(
      redact({
        upstream: new URL('smtps://user:secret@host:465'),
        list: ['see smtp://u:secret@h and smtp://v:se/cr@et@h'],
        line: 'AUTH PLAIN AHUAc2VjcmV0',
        reply: '250-AUTH PLAIN LOGIN',
        error: new Error('cannot reach smtp://u:secret@h'),
        bytes: Buffer.from('auth plain c2VjcmV0\r\n'),
      }),
    ).to.deep.equal({
      upstream: 'smtps://user:***@host:465',
      list: ['see smtp://u:***@h and smtp://v:***@h'],
      line: 'AUTH PLAIN ***',
      reply: '250-AUTH PLAIN LOGIN',
      error: 'cannot reach smtp://u:***@h',
      bytes: 'auth plain ***\r\n',
    });
  });

  it('hides secrets among the parameters of a URL, and the password of a proxy', () => {
    expect(
      maskUrls('smtp://me@h:587?auth=oauth2&client-id=i&client-secret=s3&refresh-token=t%2B&tls=require'),
    ).to.equal('smtp://me@h:587?auth=oauth2&client-id=i&client-secret=***&refresh-token=***&tls=require');
    expect(maskUrls('smtp://u:p@h?proxy=socks5://x:s3@127.0.0.1:1080')).to.not.include('s3');
    expect(maskUrls('smtp://h?proxy=http%3A%2F%2Fx%3As3%40127.0.0.1&tls=none')).to.equal(
      'smtp://h?proxy=http%3A%2F%2Fx%3A***%40127.0.0.1&tls=none',
    );
  });

  it('leaves ports and user names in URLs alone', () => {
    for (const url of ['http://127.0.0.1:8025/search?q=from:a@b', 'smtp://user@host:25', 'http://h:1/']) {
      expect(maskUrls(url)).to.equal(url);
    }
  });

  it('makes everything a plain value of bounded size', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    expect(() => JSON.stringify(redact(circular))).not.to.throw();
    const error = Object.assign(new Error('broken'), { code: 'EPIPE' });
    expect(
      redact({
        big: 10n,
        not: Number.NaN,
        when: new Date(0),
        set: new Set([1]),
        map: new Map([['a', 1]]),
        gone: undefined,
        error,
      }),
    ).to.deep.equal({
      big: '10',
      not: 'NaN',
      when: '1970-01-01T00:00:00.000Z',
      set: [1],
      map: { a: 1 },
      error: 'EPIPE: broken',
    });
    const long = redact({ text: 'x'.repeat(1e6), list: Array(1e5).fill(1), bytes: Buffer.alloc(1e6) });
    expect(JSON.stringify(long).length).to.be.lessThan(20_000);
  });

  it('is quick on hostile text', () => {
    const before = performance.now();
    for (const text of ['a'.repeat(2000), 'a:/'.repeat(700), 'a://'.repeat(500), `x://${'a:'.repeat(1000)}`])
      redact({ text });
    expect(performance.now() - before).to.be.lessThan(1000);
  });

  it('escapes controls only', () => {
    expect(escapeControls('ä €\t😀')).to.equal('ä €\\u0009😀');
  });
});
