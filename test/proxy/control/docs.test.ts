// What docs/proxies.md tells to type has to work.
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { KINDS } from '../../../proxy/toxics/kinds.ts';
import { ControlRig } from './control-rig.ts';

/** Compiled, this file stands one folder deeper. */
const page = ['../../../docs/proxies.md', '../../../../docs/proxies.md']
  .map((path) => new URL(path, import.meta.url))
  .find((url) => existsSync(url))!;

describe('docs/proxies.md', () => {
  const text = readFileSync(page, 'utf8');
  let rig: ControlRig;
  beforeEach(async () => {
    rig = await new ControlRig().start();
  });
  afterEach(() => rig.cleanUp());

  it('has commands that all succeed, one after the other', async () => {
    const commands = [...text.matchAll(/^curl (?:-X (\w+) ?)?(?:-d '(.*)' )?localhost:8474(\S+)$/gm)];
    expect(commands.length).to.equal(text.match(/^curl /gm)!.length);
    for (const [command, method, body, path] of commands) {
      const line = `${method ?? (body === undefined ? 'GET' : 'POST')} ${path}`;
      const [status, answer] = await rig.ask(line, body?.replace('127.0.0.1:26379', '127.0.0.1:0'));
      expect(status, `${command}: ${answer}`).to.be.within(200, 299);
    }
  });

  it('has a config file that is one', async () => {
    const config = /^```json\n([\s\S]*?)^```/m.exec(text)?.[1];
    const { proxies } = await rig.json('POST /populate', config?.replace('127.0.0.1:26379', '127.0.0.1:0'));
    expect(proxies[0].toxics.length).to.equal(1);
  });

  it('names every toxic with its attributes', () => {
    for (const [type, { attributes }] of Object.entries(KINDS)) {
      const row = text.split('\n').find((line) => line.startsWith(`| \`${type}\` |`));
      for (const name of Object.keys(attributes)) expect(row, type).to.include(`\`${name}\``);
    }
  });
});
