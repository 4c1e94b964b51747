// `lonedot proxies` as a program: what it prints, its config file, and its end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { LONEDOT, Program, run } from '../../cli/run.ts';

describe('lonedot proxies', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'proxies-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  function file(content: unknown): string {
    const path = join(folder, 'toxiproxy.json');
    writeFileSync(path, JSON.stringify(content));
    return path;
  }

  it('prints where its API and the proxies of its file listen, answers, and ends with 0', async () => {
    const toxics = [{ type: 'latency', attributes: { latency: 5 } }];
    const config = file([{ name: 'redis', listen: '127.0.0.1:0', upstream: '127.0.0.1:6379', toxics }]);
    const program = new Program(LONEDOT, ['proxies', '-l', '0', '--config', config, '--seed', '7']);
    await program.printed(/^redis 127\.0\.0\.1:\d+ -> 127\.0\.0\.1:6379/m);
    const url = /^api {3}(http:\/\/127\.0\.0\.1:\d+\/)/m.exec(program.stdout)?.[1];
    const answer = (await (await fetch(`${url}proxies/redis/toxics`)).json()) as { name: string }[];
    expect(answer.map(({ name }) => name)).to.deep.equal(['latency_downstream']);
    program.child.kill('SIGTERM');
    const { code, stderr } = await program.result();
    expect(code).to.equal(0);
    expect(stderr).to.include('seed=7');
  });

  const WRONG: [title: string, content: unknown, code: number, message: RegExp][] = [
    [
      'a file of another kind',
      { sink: {} },
      2,
      /toxiproxy\.json: not a list of proxies: json: cannot unmarshal object/,
    ],
    ['a proxy without an upstream', [{ name: 'a' }], 2, /toxiproxy\.json: missing required field: upstream at proxy 1/],
    [
      'an address that cannot be had',
      [{ name: 'a', listen: '192.0.2.1:1', upstream: 'x:1' }],
      1,
      /cannot assign requested address/,
    ],
  ];
  for (const [title, content, code, message] of WRONG) {
    it(`ends with ${code} for ${title}`, async () => {
      const result = await run(['proxies', '-l', '0', '--config', file(content)]);
      expect([result.code, result.stdout]).to.deep.equal([code, '']);
      expect(result.stderr).to.match(message);
    });
  }
});
