// The README's program is run as it stands there: what a newcomer copies has to work.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ERROR_CODES } from '../src/errors.ts';

/** Compiled, this file stands one folder deeper, and the core is compiled beside it. */
const above = new URL('../', import.meta.url);
const isCompiled = !existsSync(new URL('package.json', above));
const root = isCompiled ? new URL('../', above) : above;
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Connects as soon as something listens. */
async function dial(port: number, deadline: number): Promise<ReturnType<typeof connect>> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const error = await new Promise<Error | null>((resolve) => {
      socket.once('connect', () => resolve(null)).once('error', resolve);
    });
    if (!error) return socket;
    if (Date.now() > deadline) throw error;
    await delay(20);
  }
}

describe('README', () => {
  it('has a core in ten lines that runs', async () => {
    const code = /```js\n(import \{ AsyncChat, Listener \}[\s\S]*?)```/.exec(read('README.md'))?.[1];
    expect(code, 'the example').to.be.a('string');
    const port = await freePort();
    const core = new URL(isCompiled ? 'src/index.js' : 'src/index.ts', above).href;
    const program = code!.replace("'lonedot'", `'${core}'`).replace('7007', String(port));
    const folder = mkdtempSync(join(tmpdir(), 'lonedot-readme-'));
    writeFileSync(join(folder, 'echo.mjs'), program);
    const child = spawn(process.execPath, ['--import', 'tsx', join(folder, 'echo.mjs')], {
      cwd: fileURLToPath(root),
      stdio: 'inherit',
    });
    try {
      const socket = await dial(port, Date.now() + 15_000);
      socket.write('hel');
      socket.write('lo\r\nagain\r\n');
      let got = '';
      for await (const data of socket) {
        got += String(data);
        if (got.length >= 'hello\r\nagain\r\n'.length) break;
      }
      expect(got).to.equal('hello\r\nagain\r\n');
    } finally {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('names files that exist', () => {
    for (const [, path] of read('README.md').matchAll(/\]\(((?!http)[^)#]+)\)/g)) {
      expect(existsSync(new URL(path!, root)), path).to.equal(true);
    }
  });
});

describe('docs/framing.md', () => {
  it('lists each error code with its meaning', () => {
    const page = read('docs/framing.md');
    for (const [code, meaning] of Object.entries(ERROR_CODES)) expect(page).to.include(`| \`${code}\` | ${meaning} |`);
  });
});
