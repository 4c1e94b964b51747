// Real FTP clients through the proxy to a real server: they get what they get without it, their data comes through it, and
// the dialogue shows each transfer.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { needs, output, PASSWORD, type Server, startFtp, USER } from './support/servers.ts';
import { WatchedProxy } from './support/watched-proxy.ts';

const PYFTPDLIB = '/usr/lib/python3/dist-packages/pyftpdlib';
const DATA = Buffer.from(Uint8Array.from({ length: 1_000_000 }, (_, at) => (at * 7919) % 251));
const SHA = createHash('sha256').update(DATA).digest('hex');

const python = (script: string): Promise<string> => output('/usr/bin/python3', ['-W', 'ignore', '-'], script);

describe('FTP through the proxy', function () {
  this.timeout(60_000);
  const cleanUp: (() => Promise<unknown>)[] = [];
  let server: Server;

  beforeEach(async function () {
    needs(this, PYFTPDLIB, '/usr/bin/python3');
    server = await startFtp();
    cleanUp.push(() => server.stop());
  });
  afterEach(async () => {
    for (const step of cleanUp.splice(0).reverse()) await step();
  });

  async function watched(flags = {}): Promise<WatchedProxy> {
    const proxy = await WatchedProxy.start(server.ports.ftp!, flags);
    cleanUp.push(() => proxy.stop());
    return proxy;
  }

  /** What was told of the transfers, without their connections. */
  const transfers = (proxy: WatchedProxy): string[] =>
    [...proxy.lines('server'), ...proxy.lines('client')].flatMap(
      (line) => /^note (.*, sha256 .*) \(/.exec(line)?.[1] ?? [],
    );

  const script = (port: number, host = '127.0.0.1'): string => `
import ftplib, io
c = ftplib.FTP(timeout=10)
c.connect('${host}', ${port})
print(c.login('${USER}', '${PASSWORD}'))
data = bytes((at * 7919) % 251 for at in range(1000000))
print(c.storbinary('STOR a.bin', io.BytesIO(data)))
got = []
c.retrbinary('RETR a.bin', got.append, rest=1000)
assert b''.join(got) == data[1000:]
c.set_pasv(False)
got = []
print(c.retrbinary('RETR a.bin', got.append), b''.join(got) == data)
print(c.storbinary('STOR c.bin', io.BytesIO(data)))
c.set_pasv(True)
print(c.nlst(), c.voidcmd('TYPE I'), c.size('a.bin'), sorted(c.sendcmd('FEAT').split()))
try: c.cwd('nowhere')
except ftplib.error_perm as error: print(error)
print(c.rename('a.bin', 'b.bin'), c.delete('b.bin'), c.delete('c.bin'), c.quit())
`;

  it("Python's ftplib: five transfers, both ways, in both modes, resumed", async () => {
    const direct = await python(script(server.ports.ftp!));
    expect(direct, direct).to.match(/\(0\)$/);
    const proxy = await watched();
    expect(await python(script(proxy.port))).to.equal(direct);
    await proxy.over(6);
    const verbs = proxy.lines('client').map((line) => line.split(' ')[1]);
    expect(verbs).to.include.members(['USER', 'PASS', 'PASV', 'REST', 'PORT', 'RNFR', 'QUIT']);
    expect(proxy.protocols).to.include('ftp');
    const rest = createHash('sha256').update(DATA.subarray(1000)).digest('hex');
    const list = createHash('sha256').update('a.bin\r\nc.bin\r\n').digest('hex');
    expect(transfers(proxy)).to.have.members([
      `STOR a.bin: 1000000 bytes, sha256 ${SHA}`,
      `RETR a.bin: 999000 bytes, sha256 ${rest}`,
      `RETR a.bin: 1000000 bytes, sha256 ${SHA}`,
      `STOR c.bin: 1000000 bytes, sha256 ${SHA}`,
      `NLST: 14 bytes, sha256 ${list}`,
    ]);
  });

  it('a client by IPv6, which asks with EPSV and EPRT', async () => {
    const proxy = await watched({ listen: '[::1]:0' });
    expect(await python(script(proxy.port, '::1'))).to.match(/\(0\)$/);
    await proxy.over(6);
    expect(transfers(proxy)).to.have.length(5);
    const verbs = proxy.lines('client').map((line) => line.split(' ')[1]);
    expect(verbs).to.include.members(['EPSV', 'EPRT']).and.not.include('PASV');
  });

  it('a transfer that the client breaks off, and one behind it', async () => {
    await writeFile(join(server.folder, 'files', 'big'), Buffer.alloc(30_000_000));
    const proxy = await watched();
    const said = await python(`
import ftplib
c = ftplib.FTP(timeout=10)
c.connect('127.0.0.1', ${proxy.port})
c.login('${USER}', '${PASSWORD}')
data, size = c.ntransfercmd('RETR big')
print(len(data.recv(1000)), size)
data.close()
try: c.voidresp()
except ftplib.error_temp as error: print(str(error)[:3])
print(c.nlst())
c.quit()
`);
    expect(said).to.equal("1000 None\n426\n['big']\n(0)");
    await proxy.over(3);
    expect(proxy.lines('server').some((line) => /^note RETR big: \d+ bytes, .*; failed: /.test(line))).to.equal(true);
  });

  for (const [name, args] of [
    ['passive', []],
    ['active', ['--ftp-port', '127.0.0.1']],
    ['passive, without EPSV', ['--disable-epsv']],
  ] as const) {
    it(`curl, ${name}: up and down`, async function () {
      needs(this, '/usr/bin/curl');
      const proxy = await watched({ protocol: 'ftp' });
      const file = join(server.folder, 'up');
      await writeFile(file, DATA);
      const url = `ftp://${USER}:${PASSWORD}@127.0.0.1:${proxy.port}/curl.bin`;
      expect(await output('/usr/bin/curl', ['-sS', ...args, '-T', file, url])).to.equal('(0)');
      expect((await readFile(join(server.folder, 'files', 'curl.bin'))).equals(DATA)).to.equal(true);
      const down = join(server.folder, 'down');
      expect(await output('/usr/bin/curl', ['-sS', ...args, '-o', down, url])).to.equal('(0)');
      expect((await readFile(down)).equals(DATA)).to.equal(true);
      await proxy.over(4);
      expect(transfers(proxy).map((line) => line.replace(/^(\w+) \S+:/, '$1:'))).to.have.members([
        `STOR: 1000000 bytes, sha256 ${SHA}`,
        `RETR: 1000000 bytes, sha256 ${SHA}`,
      ]);
    });
  }
});
