// The HTTP API of Toxiproxy 2.12: every path, status, header, text and order, over real connections.
import { expect } from 'chai';
import { ControlRig, refused } from './control-rig.ts';

const TOXIC =
  '{"attributes":{"latency":0,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}';
const OFF = { name: 'p', listen: '127.0.0.1:1', upstream: 'x:1', enabled: false };
const SHOWN_OFF = '{"name":"p","listen":"127.0.0.1:1","upstream":"x:1","enabled":false,"Logger":{},"toxics":[]}';
const ENTRY = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }';

/** What is asked of a server that has the proxy `p` with the toxic `latency_downstream`, and what it answers. */
const ROWS: [line: string, body: string | undefined, answer: [number, string]][] = [
  ['GET /version', undefined, [200, '{"version": "2.12.0"}\n']],
  ['GET /proxies', undefined, [200, `{"p":${SHOWN_OFF.replace('[]', `[${TOXIC}]`)}}`]],
  ['GET /proxies/p', undefined, [200, SHOWN_OFF.replace('[]', `[${TOXIC}]`)]],
  ['GET /proxies/p/toxics', undefined, [200, `[${TOXIC}]`]],
  ['GET /proxies/p/toxics/latency_downstream', undefined, [200, TOXIC]],
  ['DELETE /proxies/p', undefined, [204, '']],
  ['DELETE /proxies/p/toxics/latency_downstream', undefined, [204, '']],

  ['GET /proxies/none', undefined, refused('proxy not found', 404)],
  ['DELETE /proxies/none', undefined, refused('proxy not found', 404)],
  ['PATCH /proxies/none', '{', refused('proxy not found', 404)],
  ['POST /proxies/none', '{', refused('proxy not found', 404)],
  ['GET /proxies/none/toxics', undefined, refused('proxy not found', 404)],
  ['POST /proxies/none/toxics', '{', refused('proxy not found', 404)],
  ['GET /proxies/none/toxics/t', undefined, refused('proxy not found', 404)],
  ['PATCH /proxies/none/toxics/t', '{', refused('proxy not found', 404)],
  ['DELETE /proxies/none/toxics/t', undefined, refused('proxy not found', 404)],
  ['GET /proxies/p/toxics/none', undefined, refused('toxic not found', 404)],
  ['PATCH /proxies/p/toxics/none', '{', refused('toxic not found', 404)],
  ['POST /proxies/p/toxics/none', '{', refused('toxic not found', 404)],
  ['DELETE /proxies/p/toxics/none', undefined, refused('toxic not found', 404)],

  ['POST /proxies', undefined, refused('bad request body: EOF', 400)],
  ['POST /proxies', '{"name"', refused('bad request body: unexpected EOF', 400)],
  ['POST /proxies', '{}', refused('missing required field: name', 400)],
  ['POST /proxies', '{"name":"q"}', refused('missing required field: upstream', 400)],
  ['POST /proxies', '{"name":"p","upstream":"x:1","enabled":false}', refused('proxy already exists', 409)],
  [
    'POST /proxies',
    '{"NAME":"q","upSTREAM":"x:1","enabled":false,"what":[1]} rest',
    [201, '{"name":"q","listen":"","upstream":"x:1","enabled":false,"Logger":{},"toxics":[]}'],
  ],
  [
    'POST /proxies',
    '{"name":"<&>","upstream":"x:1","enabled":false}',
    [201, '{"name":"\\u003c\\u0026\\u003e","listen":"","upstream":"x:1","enabled":false,"Logger":{},"toxics":[]}'],
  ],
  [
    'POST /proxies',
    '{"name":"q","upstream":"x:1","listen":"nowhere"}',
    refused('listen tcp: address nowhere: missing port in address', 500),
  ],
  [
    'POST /proxies',
    '{"name":"q","upstream":"x:1","listen":"127.0.0.1:99999"}',
    refused('listen tcp: address 99999: invalid port', 500),
  ],
  [
    'POST /proxies',
    '{"name":"q","upstream":"x:1","listen":"127.0.0.1:what"}',
    refused('listen tcp: lookup tcp/what: unknown port', 500),
  ],
  [
    'POST /proxies',
    '{"name":"q","upstream":"x:1","listen":"::1:80"}',
    refused('listen tcp: address ::1:80: too many colons in address', 500),
  ],
  [
    'POST /proxies',
    '{"name":"q","upstream":"x:1","listen":"192.0.2.1:8080"}',
    refused('listen tcp 192.0.2.1:8080: bind: cannot assign requested address', 500),
  ],
  [
    'PATCH /proxies/p',
    '{"listen":5}',
    refused('bad request body: json: cannot unmarshal number into Go struct field Proxy.listen of type string', 400),
  ],
  [
    'PATCH /proxies/p',
    '{"name":"other","upstream":"y:1"}',
    [200, SHOWN_OFF.replace('x:1', 'y:1').replace('[]', `[${TOXIC}]`)],
  ],
  ['POST /proxies/p', '{}', [200, SHOWN_OFF.replace('[]', `[${TOXIC}]`)]],

  ['POST /proxies/p/toxics', '', refused('bad request body: EOF', 400)],
  [
    'POST /proxies/p/toxics',
    '{"type":"slow_close"}',
    [
      200,
      '{"attributes":{"delay":0},"name":"slow_close_downstream","type":"slow_close","stream":"downstream","toxicity":1}',
    ],
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"noop","stream":"UpStream","toxicity":0.1,"name":"n"}',
    [200, '{"attributes":{},"name":"n","type":"noop","stream":"UpStream","toxicity":0.1}'],
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"noop","stream":"UpStream","toxicity":5}',
    [200, '{"attributes":{},"name":"noop_UpStream","type":"noop","stream":"UpStream","toxicity":5}'],
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"slicer","attributes":{"average_size":64,"DELAY":10}}',
    [
      200,
      '{"attributes":{"average_size":64,"size_variation":0,"delay":10},"name":"slicer_downstream","type":"slicer","stream":"downstream","toxicity":1}',
    ],
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"bandwidth","attributes":{"rate":9}}',
    [
      200,
      '{"attributes":{"rate":9},"name":"bandwidth_downstream","type":"bandwidth","stream":"downstream","toxicity":1}',
    ],
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"timeout","attributes":null}',
    [
      200,
      '{"attributes":{"timeout":0},"name":"timeout_downstream","type":"timeout","stream":"downstream","toxicity":1}',
    ],
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"timeout","attributes":{"timeout":5,"absolute":true}}',
    [
      200,
      '{"attributes":{"timeout":5,"absolute":true},"name":"timeout_downstream","type":"timeout","stream":"downstream","toxicity":1}',
    ],
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"reset_peer","attributes":{"timeout":7}}',
    [
      200,
      '{"attributes":{"timeout":7},"name":"reset_peer_downstream","type":"reset_peer","stream":"downstream","toxicity":1}',
    ],
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"limit_data","attributes":{"bytes":7}}',
    [
      200,
      '{"attributes":{"bytes":7},"name":"limit_data_downstream","type":"limit_data","stream":"downstream","toxicity":1}',
    ],
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"noop","stream":"side"}',
    refused('stream was invalid, can be either upstream or downstream', 400),
  ],
  [
    'POST /proxies/p/toxics',
    '{"stream":"side"}',
    refused('stream was invalid, can be either upstream or downstream', 400),
  ],
  ['POST /proxies/p/toxics', '{"type":"what"}', refused('invalid toxic type', 400)],
  ['POST /proxies/p/toxics', '{"type":"constructor"}', refused('invalid toxic type', 400)],
  ['POST /proxies/p/toxics', '{}', refused('invalid toxic type', 400)],
  ['POST /proxies/p/toxics', '{"type":"latency"}', refused('toxic already exists', 409)],
  [
    'POST /proxies/p/toxics',
    '{"type":"noop","stream":"upstream","name":"latency_downstream"}',
    refused('toxic already exists', 409),
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"noop","attributes":"x"}',
    refused(
      'bad request body: json: cannot unmarshal string into Go struct field ToxicWrapper.attributes of type toxics.NoopToxic',
      400,
    ),
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"latency","name":"l","attributes":{"latency":"x"}}',
    refused(
      'bad request body: json: cannot unmarshal string into Go struct field LatencyToxic.attributes.latency of type int64',
      400,
    ),
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"latency","name":"l","attributes":{"latency":1.5}}',
    refused(
      'bad request body: json: cannot unmarshal number 1.5 into Go struct field LatencyToxic.attributes.latency of type int64',
      400,
    ),
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"noop","toxicity":"1"}',
    refused(
      'bad request body: json: cannot unmarshal string into Go struct field ToxicWrapper.toxicity of type float32',
      400,
    ),
  ],
  ['POST /proxies/p/toxics', '{"type":"slicer"}', refused('bad request body: average_size must be at least 1', 400)],
  [
    'POST /proxies/p/toxics',
    '{"type":"slicer","attributes":{"average_size":5,"size_variation":-1}}',
    refused('bad request body: size_variation must not be negative', 400),
  ],
  [
    'POST /proxies/p/toxics',
    '{"type":"bandwidth","attributes":{"rate":-1}}',
    refused('bad request body: rate must not be negative', 400),
  ],

  [
    'PATCH /proxies/p/toxics/latency_downstream',
    '{"attributes":{"jitter":3},"toxicity":0.5,"name":"x","type":"noop","stream":"upstream"}',
    [200, TOXIC.replace('"jitter":0', '"jitter":3').replace('"toxicity":1', '"toxicity":0.5')],
  ],
  ['POST /proxies/p/toxics/latency_downstream', '{}', [200, TOXIC]],
  ['PATCH /proxies/p/toxics/latency_downstream', '', refused('bad request body: EOF', 400)],
  [
    'PATCH /proxies/p/toxics/latency_downstream',
    '{"toxicity":"x"}',
    refused('bad request body: json: cannot unmarshal string into Go struct field .toxicity of type float32', 400),
  ],

  ['POST /populate', '[]', [201, '{"proxies":null}']],
  ['POST /populate', '', [400, '{"error":"bad request body: EOF","status":400,"proxies":null}']],
  [
    'POST /populate',
    '{}',
    [
      400,
      JSON.stringify({
        error: `bad request body: json: cannot unmarshal object into Go value of type []${ENTRY}`,
        status: 400,
        proxies: null,
      }),
    ],
  ],
  [
    'POST /populate',
    '[{"name":"a","upstream":"x:1","enabled":false},{"upstream":"x:1"}]',
    [400, '{"error":"missing required field: name at proxy 2","status":400,"proxies":null}'],
  ],
  [
    'POST /populate',
    '[{"name":"a"}]',
    [400, '{"error":"missing required field: upstream at proxy 1","status":400,"proxies":null}'],
  ],
  [
    'POST /populate',
    '[{"name":"a","upstream":"x:1","enabled":0}]',
    [
      400,
      '{"error":"bad request body: json: cannot unmarshal number into Go struct field .enabled of type bool","status":400,"proxies":null}',
    ],
  ],
  ['POST /populate', `[${JSON.stringify(OFF)}]`, [201, `{"proxies":[${SHOWN_OFF.replace('[]', `[${TOXIC}]`)}]}`]],
  [
    'POST /populate',
    JSON.stringify([{ ...OFF, upstream: 'z:9' }]),
    [201, `{"proxies":[${SHOWN_OFF.replace('x:1', 'z:9')}]}`],
  ],
  [
    'POST /populate',
    '[{"name":"a","upstream":"x:1","listen":"","enabled":false},{"name":"b","upstream":"x:1","listen":"bad"}]',
    [
      500,
      '{"error":"listen tcp: address bad: missing port in address","status":500,"proxies":[{"name":"a","listen":"","upstream":"x:1","enabled":false,"Logger":{},"toxics":[]}]}',
    ],
  ],

  ['GET /', undefined, [404, '404 page not found\n']],
  ['GET /nothing', undefined, [404, '404 page not found\n']],
  ['GET /proxies/', undefined, [404, '404 page not found\n']],
  ['GET /proxies/p/', undefined, [404, '404 page not found\n']],
  ['GET /proxies/p/nothing', undefined, [404, '404 page not found\n']],
  ['GET /proxies/a%2Fb', undefined, [404, '404 page not found\n']],
  ['GET /proxies/%zz', undefined, [404, '404 page not found\n']],
  ['GET /proxies/p/toxics/t/more', undefined, [404, '404 page not found\n']],
  ['GET /metrics', undefined, [404, '404 page not found\n']],
  ['PUT /proxies', undefined, [405, '']],
  ['HEAD /proxies', undefined, [405, '']],
  ['OPTIONS /proxies', undefined, [405, '']],
  ['PUT /proxies/p', undefined, [405, '']],
  ['DELETE /proxies/p/toxics', undefined, [405, '']],
  ['PUT /proxies/p/toxics/t', undefined, [405, '']],
  ['GET /populate', undefined, [405, '']],
  ['GET /reset', undefined, [405, '']],
  ['POST /version', undefined, [405, '']],
];

describe('proxies: the API', () => {
  let rig: ControlRig;
  beforeEach(async () => {
    rig = await new ControlRig().start();
  });
  afterEach(() => rig.cleanUp());

  for (const [line, body, answer] of ROWS) {
    it(`${line} ${body ?? ''}`, async () => {
      await rig.json('POST /proxies', OFF);
      await rig.json('POST /proxies/p/toxics', { type: 'latency' });
      expect(await rig.ask(line, body)).to.deep.equal(answer);
    });
  }

  it('answers {} without proxies', async () => {
    expect(await rig.ask('GET /proxies')).to.deep.equal([200, '{}']);
  });

  const TYPES: [line: string, status: number, type: string | undefined, nosniff: boolean, isMatched: boolean][] = [
    ['GET /proxies', 200, 'application/json', false, true],
    ['POST /proxies', 400, 'text/plain; charset=utf-8', true, true],
    ['POST /populate', 400, 'application/json', false, true],
    ['POST /reset', 204, undefined, false, true],
    ['GET /version', 200, 'application/json;charset=utf-8', false, true],
    ['GET /nothing', 404, 'text/plain; charset=utf-8', true, false],
    ['PUT /proxies', 405, undefined, false, false],
  ];
  for (const [line, status, type, nosniff, isMatched] of TYPES) {
    it(`${line} is of type ${type ?? 'none'}`, async () => {
      const answer = await rig.call(line);
      const { 'x-content-type-options': sniff, 'x-toxiproxy-request-id': id } = answer.headers;
      expect([answer.status, answer.type, sniff]).to.deep.equal([status, type, nosniff ? 'nosniff' : undefined]);
      if (isMatched) expect(id).to.match(/^[0-9a-v]{20}$/);
      else expect(id).to.equal(undefined);
    });
  }

  const GUARDS: [title: string, headers: Record<string, string>, answer: [number, string]][] = [
    ['a browser', { 'User-Agent': 'Mozilla/5.0 (X11)' }, [403, 'User agent not allowed\n']],
    ['a name that is not this machine', { Host: 'evil.example:8474' }, [403, 'Host not allowed\n']],
    ['a page of another site', { Origin: 'https://evil.example' }, [403, 'Origin not allowed\n']],
    ['localhost', { Host: 'localhost:8474' }, [200, '{}']],
    ['an address', { Host: '[::1]:8474' }, [200, '{}']],
    ['its own page', { Host: 'localhost:8474', Origin: 'http://localhost:8474' }, [200, '{}']],
  ];
  for (const [title, headers, [status, body]] of GUARDS) {
    it(`${status === 200 ? 'answers' : 'refuses'} ${title}`, async () => {
      const answer = await rig.call('GET /proxies', undefined, headers);
      expect([answer.status, answer.body]).to.deep.equal([status, body]);
    });
  }

  it('refuses a body that has no end, and goes on', async () => {
    const answer = await rig.call('POST /proxies', Buffer.alloc(5 * 1024 * 1024, ' ')).catch((error: Error) => error);
    if (!(answer instanceof Error)) expect(answer.status).to.equal(413);
    expect(await rig.ask('GET /proxies')).to.deep.equal([200, '{}']);
  });

  it('tells the address that it listens on, IPv4 first, with the real port', async () => {
    const { listen, enabled } = await rig.json('POST /proxies', { name: 'p', listen: 'localhost:0', upstream: 'x:1' });
    expect(listen).to.match(/^127\.0\.0\.1:[1-9]\d*$/);
    expect(enabled).to.equal(true);
  });

  for (const listen of [undefined, ':0', '0.0.0.0:0', '[::]:0']) {
    it(`listens on every address for ${JSON.stringify(listen)}`, async function () {
      const { listen: bound } = await rig.json('POST /proxies', { name: 'p', listen, upstream: 'x:1' });
      if (bound.startsWith('0.0.0.0:')) this.skip();
      expect(bound).to.match(/^\[::\]:[1-9]\d*$/);
    });
  }

  it('says in the words of Go that an address is in use', async () => {
    const { listen } = await rig.json('POST /proxies', { name: 'p', listen: 'localhost:0', upstream: 'x:1' });
    const error = `listen tcp ${listen}: bind: address already in use`;
    expect(await rig.ask('POST /proxies', { name: 'q', listen, upstream: 'x:1' })).to.deep.equal(refused(error, 500));
    expect(await rig.ask('GET /proxies/q')).to.deep.equal(refused('proxy not found', 404));
  });

  it('lists the toxics of the upstream direction first, and all proxies by name', async () => {
    for (const name of ['b', 'a', 'C']) await rig.json('POST /proxies', { ...OFF, name });
    for (const stream of ['downstream', 'upstream', 'upstream']) {
      const name = `${stream}${(await rig.json('GET /proxies/a/toxics')).length}`;
      await rig.json('POST /proxies/a/toxics', { type: 'noop', stream, name });
    }
    const names = (await rig.json('GET /proxies/a/toxics')).map(({ name }: { name: string }) => name);
    expect(names).to.deep.equal(['upstream1', 'upstream2', 'downstream0']);
    expect(Object.keys(await rig.json('GET /proxies'))).to.deep.equal(['C', 'a', 'b']);
  });
});
