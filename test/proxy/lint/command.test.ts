// `lonedot proxy --lint` and `--effect` as programs: what is printed, and the exit code that CI looks at.
import { connect, createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { LONEDOT, Program } from '../../cli/run.ts';

describe('lonedot proxy: --lint and --effect', () => {
  let server: Server;
  let upstream: string;
  const programs: Program[] = [];

  before(async () => {
    server = createServer((socket) => {
      socket.write('220 x ESMTP\r\n');
      socket.on('error', () => {});
      socket.on('data', () => socket.write('250 ok\r\n'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    upstream = `127.0.0.1:${(server.address() as { port: number }).port}`;
  });
  after(() => {
    for (const { child } of programs) child.kill('SIGKILL');
    server.close();
  });

  /** Says `text` behind the greeting, waits for what is printed then, and stops the program. */
  async function session(args: readonly string[], text: string, printed: RegExp) {
    const program = new Program(LONEDOT, ['proxy', '0', upstream, '--protocol', 'smtp', ...args]);
    programs.push(program);
    await program.printed(/127\.0\.0\.1:\d+ -> |"address":"127/);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(program.stdout)?.[1]);
    const client = connect(port, '127.0.0.1');
    client.once('data', () => client.write(text));
    client.on('error', () => {});
    await program.printed(printed);
    client.destroy();
    program.child.kill('SIGTERM');
    return program.result();
  }

  it('ends with 1 when something was found, and says what', async () => {
    const { code, stdout } = await session(['--lint'], 'NOOP\nQUIT\r\n', /250 ok/);
    expect(code).to.equal(1);
    expect(stdout).to.match(/-- C: ! bare-lf: an LF without CR in a line\n/);
    expect(stdout).to.match(/-- lint: bare-lf 1\n$/);
  });

  it('ends with 0 when nothing was found', async () => {
    const { code, stdout } = await session(['--lint'], 'NOOP\r\n', /250 ok/);
    expect([code, /-- lint: (.*)\n$/.exec(stdout)?.[1]]).to.deep.equal([0, 'nothing found']);
  });

  it('tells findings and effects in JSON', async () => {
    const rule = 'server 250: rewrite /ok/ => fine';
    const { code, stdout } = await session(['--lint', '--json', '--effect', rule], 'NOOP\n\r\n', /250 ok/);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(code).to.equal(1);
    expect(events.find(({ type }) => type === 'finding')).to.include({ from: 'client', check: 'bare-lf', offset: 0 });
    expect(events.find(({ type }) => type === 'lint')).to.deep.include({ findings: { 'bare-lf': 1 } });
    expect(events.find(({ effects }) => effects)).to.deep.include({ bytes: '250 ok\r\n', effects: [rule] });
  });

  it('shows which effect has touched a line', async () => {
    const { stdout } = await session(['--effect', 'client NOOP #1: answer 421 go away'], 'NOOP\r\n', /421 go/);
    expect(stdout).to.match(/C> NOOP {2}<- client NOOP #1: answer 421 go away\n/);
    expect(stdout).to.match(/S< 421 go away {2}<- client NOOP #1: answer 421 go away\n/);
  });

  it('refuses a rule in one line', async () => {
    const program = new Program(LONEDOT, ['proxy', '0', upstream, '--effect', 'client DATA: anser 4']);
    const { code, stderr } = await program.result();
    expect([code, stderr.split('\n').length]).to.deep.equal([2, 2]);
    expect(stderr).to.contain('did you mean answer?, in the effect "client DATA: anser 4"');
  });
});
