import { request as httpRequest } from 'node:http';
import { expect } from 'chai';
import { type Json, sinkForSuite } from './sink.ts';

// What nobody in his right mind sends: the documented status, and nothing changed.
describe('Bad input over HTTP', () => {
  const sink = sinkForSuite({ flags: { 'enable-chaos': 'true' } });
  let id: string;

  beforeEach(async () => {
    id = await sink.current.put();
    await sink.current.ask('api/v1/tags', { method: 'PUT', body: JSON.stringify({ IDs: [id], Tags: ['kept'] }) });
  });

  afterEach(async () => {
    const { messages } = await sink.current.json('api/v1/messages');
    expect(messages.map(({ ID, Read, Tags }: Json) => ({ ID, Read, Tags }))).to.deep.equal([
      { ID: id, Read: false, Tags: ['kept'] },
    ]);
    expect((await sink.current.json('api/lonedot/v1/namespaces')).namespaces).to.deep.equal([]);
    expect((await sink.current.json('api/lonedot/v1/faults')).faults).to.deep.equal([]);
  });

  const mail = (change: object) =>
    JSON.stringify({ From: { Email: 'a@b.example' }, To: [{ Email: 'c@d.example' }], Text: 'x', ...change });
  const CRLF = 'x\r\nBcc: evil@example.com';

  const TABLE: readonly (readonly [method: string, path: string, body: string | undefined, status: number])[] = [
    // Wrong types.
    ['DELETE', 'api/v1/messages', '{"IDs":"x"}', 400],
    ['DELETE', 'api/v1/messages', '{"IDs":[1]}', 400],
    ['DELETE', 'api/v1/messages', '[]', 400],
    ['DELETE', 'api/v1/messages', '"ID"', 400],
    ['DELETE', 'api/v1/search', undefined, 400],
    ['DELETE', 'api/v1/search?query=%20', undefined, 400],
    ['DELETE', 'api/v1/search?query=(', undefined, 400],
    ['PUT', 'api/v1/messages', undefined, 400],
    ['PUT', 'api/v1/messages', 'nonsense', 400],
    ['PUT', 'api/v1/messages', '{"Read":"yes"}', 400],
    ['PUT', 'api/v1/messages', '{"Read":true,"IDs":{}}', 400],
    ['PUT', 'api/v1/messages', '{"Read":true,"Search":5}', 400],
    ['PUT', 'api/v1/messages', '{"Read":true,"Search":" "}', 400],
    ['PUT', 'api/v1/messages', '{"Read":true,"Search":"fron:x"}', 400],
    ['PUT', 'api/v1/tags', '{"Tags":"x","IDs":[]}', 400],
    ['PUT', 'api/v1/tags', '{"Tags":[null],"IDs":[]}', 400],
    ['PUT', 'api/v1/tags/kept', '{"Name":""}', 400],
    ['PUT', 'api/v1/tags/kept', '{"Name":{}}', 400],
    ['PUT', 'api/v1/tags/other', '{"Name":"x"}', 400],
    ['PUT', 'api/v1/chaos', '{"Sender":"x"}', 400],
    ['PUT', 'api/v1/chaos', 'x', 400],
    ['PATCH', 'api/lonedot/v1/messages', '{"read":1}', 400],
    ['PATCH', 'api/lonedot/v1/messages', '{}', 400],
    ['DELETE', 'api/lonedot/v1/messages', '{"ids":1}', 400],
    ['DELETE', 'api/lonedot/v1/messages', '{"query":" "}', 400],
    ['DELETE', 'api/lonedot/v1/messages', 'x', 400],
    ['POST', 'api/lonedot/v1/namespaces', '{"ports":["x"]}', 400],
    ['POST', 'api/lonedot/v1/namespaces', '{"name":"a/b"}', 400],
    ['POST', 'api/lonedot/v1/faults', '{"phase":7}', 400],
    // Unknown ids.
    ['DELETE', `api/lonedot/v1/messages/${'0'.repeat(22)}`, undefined, 404],
    ['DELETE', 'api/lonedot/v1/messages/..%2f..%2f', undefined, 404],
    ['DELETE', `api/v1/messages/${'0'.repeat(22)}`, undefined, 500],
    ['DELETE', 'api/lonedot/v1/namespaces/none', undefined, 404],
    ['DELETE', 'api/lonedot/v1/faults/none', undefined, 404],
    ['POST', `api/v1/message/${'0'.repeat(22)}/release`, '{"To":["a@b.example"]}', 404],
    ['POST', 'api/v1/message/latest/release', '{"To":[]}', 400],
    ['POST', 'api/v1/message/latest/release', '{"To":"a@b.example"}', 400],
    // What would become a header field.
    ['POST', 'api/v1/send', 'x', 400],
    ['POST', 'api/v1/send', '{}', 400],
    ['POST', 'api/v1/send', '[]', 400],
    ['POST', 'api/v1/send', mail({ To: [], Cc: [], Bcc: [] }), 400],
    ['POST', 'api/v1/send', mail({ To: 'c@d.example' }), 400],
    ['POST', 'api/v1/send', mail({ To: [{ Email: 'a@b.example\r\nX: y' }] }), 400],
    ['POST', 'api/v1/send', mail({ To: [{ Email: 'a@b.example', Name: CRLF }] }), 400],
    ['POST', 'api/v1/send', mail({ From: { Email: 'a@b' + '\n' } }) && mail({ From: { Email: 'a b@c' } }), 400],
    ['POST', 'api/v1/send', mail({ From: { Email: 'a@b.example', Name: CRLF } }), 400],
    ['POST', 'api/v1/send', mail({ Bcc: ['x'] }), 400],
    ['POST', 'api/v1/send', mail({ ReplyTo: [{ Email: '<>' }] }), 400],
    ['POST', 'api/v1/send', mail({ Subject: CRLF }), 400],
    ['POST', 'api/v1/send', mail({ Tags: [CRLF] }), 400],
    ['POST', 'api/v1/send', mail({ Headers: { 'X-A': CRLF } }), 400],
    ['POST', 'api/v1/send', mail({ Headers: { [CRLF]: 'x' } }), 400],
    ['POST', 'api/v1/send', mail({ Headers: { 'X A': 'x' } }), 400],
    ['POST', 'api/v1/send', mail({ Headers: { bcc: 'x' } }), 400],
    ['POST', 'api/v1/send', mail({ Headers: { 'X-A': 5 } }), 400],
    ['POST', 'api/v1/send', mail({ Attachments: [{ Content: '***', Filename: 'x' }] }), 400],
    ['POST', 'api/v1/send', mail({ Attachments: [{ Content: 'eA==', Filename: CRLF }] }), 400],
    ['POST', 'api/v1/send', mail({ Attachments: [{ Content: 'eA==', ContentType: `text/plain\r\nX: y` }] }), 400],
    ['POST', 'api/v1/send', mail({ Attachments: [{ Content: 'eA==', ContentID: 'a>\r\nX: y' }] }), 400],
    // Methods that are none here.
    ['POST', 'api/v1/messages', '{}', 405],
    ['GET', 'api/v1/send', undefined, 405],
    ['DELETE', 'view/latest.html', undefined, 405],
  ];

  for (const [method, path, body, status] of TABLE) {
    it(`${method} ${path} ${(body ?? '').slice(0, 90)} is ${status}`, async () => {
      const answer = await sink.current.ask(path, { method, ...(body === undefined ? {} : { body }) });
      const text = await answer.text();
      expect(answer.status, text).to.equal(status);
      expect(text).not.to.match(/\n.|\.ts\b|node:/);
    });
  }

  it('says what is wrong with a mail as JSON', async () => {
    const answer = await sink.current.ask('api/v1/send', { method: 'POST', body: mail({ To: [{ Email: '' }] }) });
    expect([answer.status, await answer.json()]).to.deep.equal([400, { Error: 'invalid To address: ' }]);
    const header = await sink.current.ask('api/v1/send', { method: 'POST', body: mail({ Headers: { Date: 'x' } }) });
    expect(await header.json()).to.deep.equal({ Error: 'cannot overwrite header: "Date"' });
  });

  it('takes no body over 5 MB, announced or not', async () => {
    const huge = JSON.stringify({ IDs: ['x'.repeat(6_000_000)] });
    for (const path of ['api/v1/messages', 'api/lonedot/v1/messages']) {
      const announced = await sink.current.ask(path, { method: 'DELETE', body: huge });
      expect(announced.status, path).to.equal(413);
      const status = await new Promise<number>((resolve, reject) => {
        const headers = { 'transfer-encoding': 'chunked' };
        const url = new URL(path, sink.current.url);
        const asked = httpRequest(url, { method: 'DELETE', headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode!);
        });
        asked.on('error', reject);
        asked.write(huge);
        asked.end();
      });
      expect(status, path).to.equal(413);
    }
  });

  it('lets no page of another site change anything', async () => {
    const headers = { origin: 'http://evil.example' };
    for (const [method, path] of [
      ['DELETE', 'api/v1/messages'],
      ['PUT', 'api/v1/messages'],
      ['POST', 'api/v1/send'],
      ['POST', 'api/lonedot/v1/namespaces'],
      ['DELETE', 'api/lonedot/v1/messages'],
    ] as const) {
      const answer = await sink.current.ask(path, { method, headers, body: '{"Read":true}' });
      expect(answer.status, path).to.equal(403);
    }
  });
});
