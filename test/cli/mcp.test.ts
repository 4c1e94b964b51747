// `lonedot mcp` as a client starts it: messages in, messages out, nothing else on stdout.
import { expect } from 'chai';
import { type Sink, startSink } from '../../testing/index.ts';
import { until, within } from '../support/within.ts';
import { send } from '../testing/support/send.ts';
import { LONEDOT, Program, run } from './run.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are compared, never used
type Json = any;

const META = 'io.modelcontextprotocol/';
const STATELESS = { [`${META}protocolVersion`]: '2026-07-28', [`${META}clientCapabilities`]: {} };

/** A client as the protocol has it. */
class Client {
  readonly program: Program;
  readonly #answers: Json[] = [];
  #read = 0;
  #id = 0;

  constructor(...args: readonly string[]) {
    this.program = new Program(LONEDOT, ['mcp', ...args]);
    this.program.child.stdin.on('error', () => {});
    this.program.child.stdout.on('data', () => {
      const lines = this.program.stdout.split('\n').slice(this.#read, -1);
      this.#read += lines.length;
      this.#answers.push(...lines.map((line) => JSON.parse(line)));
    });
  }

  write(text: string): void {
    this.program.child.stdin.write(text);
  }

  say(message: object): void {
    this.write(`${JSON.stringify(message)}\n`);
  }

  /** The next answer, whatever it answers. */
  async heard(): Promise<Json> {
    await until(8000, () => this.#answers.length > 0, `an answer (stderr: ${this.program.stderr})`);
    return this.#answers.shift();
  }

  get unheard(): number {
    return this.#answers.length;
  }

  async ask(method: string, params: object = {}): Promise<Json> {
    const id = ++this.#id;
    this.say({ jsonrpc: '2.0', id, method, params });
    const answer = await this.heard();
    expect(answer).to.include({ jsonrpc: '2.0', id });
    return answer;
  }

  async begin(protocolVersion = '2025-11-25'): Promise<Json> {
    const clientInfo = { name: 'test', version: '1' };
    const { result } = await this.ask('initialize', { protocolVersion, capabilities: {}, clientInfo });
    this.say({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return result;
  }

  /** What the tool says, as JSON where it is that. */
  async call(name: string, given: object = {}): Promise<Json> {
    const { result } = await this.ask('tools/call', { name, arguments: given });
    const [{ type, text }] = result.content;
    expect([type, result.content.length]).to.deep.equal(['text', 1]);
    if (result.structuredContent === undefined) return { isError: result.isError, text };
    expect(JSON.parse(text)).to.deep.equal(result.structuredContent);
    return { isError: result.isError, ...result.structuredContent };
  }

  async end(): Promise<{ code: number | null; stderr: string }> {
    this.program.child.stdin.end();
    const { code, stderr } = await within(8000, this.program.result(), 'the end of the program');
    return { code, stderr };
  }
}

describe('lonedot mcp', () => {
  let sink: Sink;
  let client: Client;

  before(async () => {
    sink = await startSink({ http: true });
  });
  after(() => sink?.close());

  describe('the protocol', () => {
    before(() => {
      client = new Client('--url', sink.http!);
    });
    after(async () => {
      expect(await client.end()).to.deep.equal({ code: 0, stderr: '' });
    });

    it('answers nothing but ping before it is initialized', async () => {
      expect((await client.ask('ping')).result).to.deep.equal({});
      const { error } = await client.ask('tools/list');
      expect(error.code).to.equal(-32602);
      expect(error.message).to.contain('there was no initialize');
    });

    for (const [asked, given] of [
      ['2024-11-05', '2024-11-05'],
      ['2025-03-26', '2025-03-26'],
      ['2025-06-18', '2025-06-18'],
      ['2025-11-25', '2025-11-25'],
      ['1999-01-01', '2025-11-25'],
    ] as const) {
      it(`offers ${given} to a client of ${asked}`, async () => {
        const result = await client.begin(asked);
        expect(result.protocolVersion).to.equal(given);
        expect(result.capabilities).to.deep.equal({ tools: {} });
        expect(result.serverInfo).to.include({ name: 'lonedot' });
        expect(result.instructions).to.contain('no instruction');
      });
    }

    it('lists its tools, with schemas', async () => {
      const { tools } = (await client.ask('tools/list')).result;
      expect(tools.map(({ name }: Json) => name)).to.deep.equal([
        'list_mails',
        'search_mails',
        'read_mail',
        'wait_for_mail',
        'send_mail',
        'delete_mails',
      ]);
      for (const { title, description, inputSchema } of tools) {
        expect([title, description]).not.to.include(undefined);
        expect(inputSchema).to.deep.include({ type: 'object', additionalProperties: false });
      }
      expect(tools[1].inputSchema.required).to.deep.equal(['query']);
      expect(tools[5].annotations).to.include({ readOnlyHint: false, destructiveHint: true });
      expect((await client.ask('tools/list', { cursor: 'x' })).error.code).to.equal(-32602);
    });

    for (const [line, code, id] of [
      ['{', -32700, null],
      ['7', -32600, null],
      ['[]', -32600, null],
      ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, 1],
      ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, null],
      ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, null],
      ['{"jsonrpc":"2.0","id":"a"}', -32600, 'a'],
      ['{"jsonrpc":"2.0","id":"a","method":"ping","params":[1]}', -32602, 'a'],
      ['{"jsonrpc":"2.0","id":"a","method":"resources/list"}', -32601, 'a'],
      ['{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"rm"}}', -32602, 'a'],
      ['{"jsonrpc":"2.0","id":"a","method":"tools/call"}', -32602, 'a'],
      ['{"jsonrpc":"2.0","id":"a","method":"initialize","params":{}}', -32602, 'a'],
      ['{"jsonrpc":"2.0","id":"a","method":"constructor"}', -32601, 'a'],
      ['{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"toString"}}', -32602, 'a'],
    ] as const) {
      it(`answers ${code} to ${line}`, async () => {
        client.write(`${line}\n`);
        const answer = await client.heard();
        expect([answer.error.code, answer.id]).to.deep.equal([code, id]);
      });
    }

    it('says nothing to notifications, answers and empty lines', async () => {
      client.write('\n\r\n{"jsonrpc":"2.0","method":"notifications/unknown"}\n{"jsonrpc":"2.0","id":9,"result":{}}\n');
      expect((await client.ask('ping')).result).to.deep.equal({});
    });

    it('takes lines in pieces, several at once, and batches', async () => {
      const ping = (id: number) => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });
      client.write(ping(101).slice(0, 20));
      await new Promise((resolve) => setImmediate(resolve));
      client.write(`${ping(101).slice(20)}\r\n${ping(102)}\n`);
      expect([(await client.heard()).id, (await client.heard()).id]).to.deep.equal([101, 102]);
      client.write(`[${ping(103)},{"jsonrpc":"2.0","method":"notifications/x"},${ping(104)},5]\n`);
      const answers = await client.heard();
      expect(answers.map(({ id }: Json) => id)).to.deep.equal([103, 104, null]);
    });

    it('serves clients that tell their version with each request', async () => {
      const found = (await client.ask('server/discover', { _meta: STATELESS })).result;
      expect(found).to.deep.include({ resultType: 'complete', capabilities: { tools: {} }, cacheScope: 'public' });
      expect(found.supportedVersions.slice(0, 2)).to.deep.equal(['2026-07-28', '2025-11-25']);
      expect(found._meta[`${META}serverInfo`].name).to.equal('lonedot');
      const list = (await client.ask('tools/list', { _meta: STATELESS })).result;
      expect([list.resultType, list.tools.length, typeof list.ttlMs]).to.deep.equal(['complete', 6, 'number']);
      const called = await client.ask('tools/call', { _meta: STATELESS, name: 'list_mails', arguments: {} });
      expect(called.result).to.include({ resultType: 'complete', isError: false });
      expect((await client.ask('ping', { _meta: STATELESS })).error.code).to.equal(-32601);
    });

    it('refuses a version that it does not know, and a request without capabilities', async () => {
      const _meta = { ...STATELESS, [`${META}protocolVersion`]: '1900-01-01' };
      const { error } = await client.ask('tools/list', { _meta });
      expect(error.code).to.equal(-32022);
      expect(error.data).to.deep.include({ requested: '1900-01-01' });
      expect(error.data.supported).to.include('2026-07-28');
      const without = { [`${META}protocolVersion`]: '2026-07-28' };
      expect((await client.ask('tools/list', { _meta: without })).error.code).to.equal(-32602);
    });
  });

  describe('the tools', () => {
    before(async () => {
      client = new Client('--url', sink.http!);
      await client.begin();
    });
    beforeEach(() => sink.clear());
    after(async () => {
      expect(await client.end()).to.deep.equal({ code: 0, stderr: '' });
    });

    it('list and search', async () => {
      for (const subject of ['one', 'two', 'three']) await send(sink, { subject });
      await sink.waitFor({ count: 3 });
      const first = await client.call('list_mails', { limit: 2 });
      expect(first.mails.map(({ subject }: Json) => subject)).to.deep.equal(['three', 'two']);
      expect(first).to.include({ isError: false, total: 3, older: first.mails[1].seq, cursor: first.mails[0].seq });
      expect(first.mails[0]).to.deep.include({ from: { name: '', address: 'app@example.com' }, snippet: 'Hi.' });
      const rest = await client.call('list_mails', { before: first.older });
      expect(rest.mails.map(({ subject }: Json) => subject)).to.deep.equal(['one']);
      const found = await client.call('search_mails', { query: 'subject:two OR subject:one' });
      expect(found.mails.map(({ subject }: Json) => subject)).to.deep.equal(['two', 'one']);
    });

    it('read', async () => {
      await send(sink, {
        subject: 'Code',
        text: `Your code is 482913, https://app.example.com/x ${'long '.repeat(5000)}`,
        html: '<p>Hi</p>',
        attachments: [{ filename: 'a.txt', content: 'x' }],
      });
      const { id } = await sink.waitFor();
      const mail = await client.call('read_mail', { id });
      expect(mail).to.deep.include({
        subject: 'Code',
        codes: ['482913'],
        hasHtml: true,
        recipients: ['bob@example.com'],
      });
      expect(mail.attachments[0].fileName).to.equal('a.txt');
      expect(mail.text).to.match(/\n\[\d+ characters more\]$/);
      expect(mail).not.to.have.any.keys('html', 'headers', 'raw', 'transcript', 'tree');
      const all = await client.call('read_mail', {
        id: 'latest',
        query: 'subject:code',
        include: ['html', 'headers', 'raw', 'transcript'],
      });
      expect(all).to.include({ id, html: '<p>Hi</p>' });
      expect(all.headers.find(({ name }: Json) => name === 'Subject').value).to.equal('Code');
      expect(all.raw).to.match(/^Received: /);
      expect(all.transcript[0].from).to.equal('server');
    });

    it('wait for what comes behind a cursor, while others are answered', async () => {
      await send(sink, { subject: 'old' });
      await sink.waitFor();
      const { cursor } = await client.call('list_mails', { limit: 1 });
      client.say({
        ...{ jsonrpc: '2.0', id: 'wait', method: 'tools/call' },
        params: { name: 'wait_for_mail', arguments: { query: 'to:=bob@example.com', after: cursor } },
      });
      await client.ask('ping');
      await send(sink, { subject: 'new', text: 'code: 123456' });
      const { id, result } = await client.heard();
      const { mails } = result.structuredContent;
      expect([id, mails.length, mails[0].subject, mails[0].codes]).to.deep.equal(['wait', 1, 'new', ['123456']]);
    });

    it('tell the nearest misses when nothing came', async () => {
      await send(sink, { subject: 'other' });
      await sink.waitFor();
      const waited = await client.call('wait_for_mail', { query: 'subject:wanted', timeout: 0.05 });
      expect(waited).to.deep.include({ isError: true, error: '1 mail came, none has subject:wanted' });
      expect(waited.misses[0]).to.deep.include({ subject: 'other', lacks: ['subject:wanted'] });
    });

    it('stop waiting when the request is cancelled, and answer it never', async () => {
      client.say({
        ...{ jsonrpc: '2.0', id: 'long', method: 'tools/call' },
        params: { name: 'wait_for_mail', arguments: { query: 'subject:late' } },
      });
      await client.ask('ping');
      client.say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'long' } });
      await send(sink, { subject: 'late' });
      await sink.waitFor({ subject: 'late' });
      await client.call('list_mails');
      expect(client.unheard).to.equal(0);
    });

    it('send', async () => {
      const { id } = await client.call('send_mail', {
        ...{
          from: 'me@example.com',
          to: ['bob@example.com'],
          subject: 'By hand',
          text: 'Hi',
          headers: { 'X-Run': '1' },
        },
      });
      const mail = await sink.waitFor({ subject: 'By hand', header: { 'x-run': '1' } });
      expect(mail.id).to.equal(id);
    });

    it('delete these, those that match, or all', async () => {
      for (const subject of ['a', 'b', 'c', 'd']) await send(sink, { subject });
      const [first] = await sink.waitFor({ count: 4 });
      expect(await client.call('delete_mails', { ids: [first!.id] })).to.include({ deleted: 1 });
      expect(await client.call('delete_mails', { query: 'subject:b' })).to.include({ deleted: 1 });
      expect((await sink.mails()).map(({ subject }) => subject)).to.deep.equal(['c', 'd']);
      expect(await client.call('delete_mails', { all: true })).to.include({ deleted: 2 });
    });

    for (const [name, given, message] of [
      ['search_mails', {}, 'bad arguments: query: '],
      ['search_mails', { query: 'subjekt:x' }, "unknown filter 'subjekt:'; did you mean 'subject:'?"],
      ['list_mails', { limit: 0 }, 'bad arguments: limit: '],
      ['list_mails', { nonsense: 1 }, 'bad arguments: '],
      ['list_mails', 'text', 'bad arguments: '],
      ['read_mail', { id: '../../info' }, 'bad arguments: id: '],
      ['read_mail', { id: '0123456789012345678901' }, '404'],
      ['read_mail', { id: 'latest', query: 'subject:none' }, '404'],
      ['wait_for_mail', { timeout: 9999 }, 'bad arguments: timeout: '],
      ['send_mail', { from: 'me', to: ['bob@example.com'] }, 'invalid From address: me'],
      ['send_mail', { from: 'me@example.com', to: [] }, 'there is no recipient'],
      [
        'send_mail',
        { from: 'a@example.com', to: ['b@example.com'], subject: 'a\r\nBcc: c@d' },
        'Subject must be one line',
      ],
      ['delete_mails', {}, 'bad arguments: needs ids, query or all'],
      ['delete_mails', { all: true, query: 'x' }, 'bad arguments: needs ids, query or all'],
    ] as const) {
      it(`say what is wrong with ${name} ${JSON.stringify(given).slice(0, 60)}`, async () => {
        await send(sink, {});
        await sink.waitFor();
        const { isError, text } = await client.call(name, given as object);
        expect(isError).to.equal(true);
        expect(text).to.contain(message);
        expect(text).not.to.contain('\n');
        expect(await sink.mails()).to.have.length(1);
      });
    }
  });

  it('sees one namespace only, when it is told so', async () => {
    await using mine = await sink.namespace();
    await send(sink, { subject: 'of others' });
    await send(mine, { subject: 'mine' });
    await mine.waitFor();
    client = new Client('--url', sink.http!, '--namespace', mine.name);
    await client.begin();
    const { mails } = await client.call('list_mails');
    expect(mails.map(({ subject }: Json) => subject)).to.deep.equal(['mine']);
    expect(await client.call('delete_mails', { all: true })).to.include({ deleted: 1 });
    expect(await sink.mails({ subject: 'of others' })).to.have.length(1);
    await client.end();
  });

  it('tells when there is no lonedot, and goes on', async () => {
    client = new Client('--url', 'http://127.0.0.1:1');
    await client.begin();
    const { isError, text } = await client.call('list_mails');
    expect(isError).to.equal(true);
    expect(text).to.match(/^http:\/\/127\.0\.0\.1:1\/: /);
    expect((await client.ask('ping')).result).to.deep.equal({});
    expect(await client.end()).to.deep.equal({ code: 0, stderr: '' });
  });

  it('refuses an URL that is none, with one line', async () => {
    const { code, stdout, stderr } = await run(['mcp', '--url', 'nonsense']);
    expect([code, stdout]).to.deep.equal([2, '']);
    expect(stderr).to.match(/^lonedot: --url: .*\n$/);
  });

  it('ends when its input ends, also in the middle of a wait', async () => {
    client = new Client('--url', sink.http!);
    await client.begin();
    client.say({
      ...{ jsonrpc: '2.0', id: 'long', method: 'tools/call' },
      params: { name: 'wait_for_mail', arguments: { query: 'subject:never' } },
    });
    await client.ask('ping');
    expect(await client.end()).to.deep.equal({ code: 0, stderr: '' });
  });
});
