// SIGHUP: the config file is read once more, and what runs takes over what it can.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FAKE, Program } from './run.ts';

describe('SIGHUP', () => {
  let folder: string;
  let file: string;
  const programs: Program[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lonedot-reload-'));
    file = join(folder, 'lonedot.json');
  });

  afterEach(() => {
    for (const program of programs.splice(0)) program.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  function write(config: unknown): void {
    writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  }

  async function start(args: readonly string[], fake = ''): Promise<Program> {
    const program = new Program(FAKE, [...args, '-c', file], { FAKE: fake });
    programs.push(program);
    await program.printed(/store/);
    return program;
  }

  it('hands a running sink the options of the file as it is now', async () => {
    write({ sink: { hostname: 'old.example' } });
    const program = await start(['sink']);
    write({ sink: { hostname: 'new.example' } });
    program.child.kill('SIGHUP');
    await program.printed(/mail reloaded as new\.example\n[\s\S]*program\.reloaded/);
    expect(program.stderr).not.to.contain('needRestart');
  });

  it('lets what was given as a flag win, as at the start', async () => {
    write({ sink: { hostname: 'old.example' } });
    const program = await start(['sink', '--hostname', 'flag.example']);
    write({ sink: { hostname: 'new.example' } });
    program.child.kill('SIGHUP');
    await program.printed(/mail reloaded as flag\.example\n/);
  });

  it('names what needs a restart', async () => {
    write({ relay: { upstream: 'smtp://a.example' } });
    const program = await start(['serve'], 'moved');
    write({ relay: { upstream: 'smtp://a.example' }, sink: {}, proxies: [{ listen: '1143', upstream: 'b:143' }] });
    program.child.kill('SIGHUP');
    await program.printed(/program\.reloaded needRestart=\["relay\.smtp","sink","proxies\[0\]"\]/);
  });

  for (const [what, config] of [
    ['is not JSON', '{'],
    ['has an unknown key', { sink: { hostnam: 'x' } }],
    ['has a wrong value', { sink: { max: -1 } }],
  ] as const) {
    it(`keeps what runs when the file ${what}`, async () => {
      write({ sink: {} });
      const program = await start(['sink']);
      write(config);
      program.child.kill('SIGHUP');
      await program.printed(/program\.reload_failed error=/);
      expect(program.stdout).not.to.contain('mail reloaded');
      program.child.kill('SIGTERM');
      expect((await program.result()).code).to.equal(0);
    });
  }
});
