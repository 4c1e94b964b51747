// `lonedot queue` on PostgreSQL: the same as on a file, and the nodes that share it.
import { expect } from 'chai';
import { openPostgresStore } from '../../relay/store/postgres.ts';
import { postgresForSuite } from '../relay/store/postgres-server.ts';
import { Directory, serveHere } from '../relay/store/sqlite-place.ts';
import { put, to } from '../relay/store/support.ts';
import { run } from './run.ts';

describe('lonedot queue on PostgreSQL', function () {
  this.timeout(30_000);
  const postgres = postgresForSuite();

  it('lists, changes, and shows the nodes', async () => {
    const url = await postgres.server.newDatabase();
    const nodes = [await openPostgresStore({ url, isNode: true }), await openPostgresStore({ url, isNode: true })];
    try {
      const id = await put(nodes[0]!, 'x', { receivedAt: Date.now(), ...to('relay', 'bob@one.example') });
      const listed = await run(['queue', '-d', url]);
      expect(listed.stdout).to.include('bob@one.example').and.include('In all: 1 queued');
      expect((await run(['queue', 'hold', id, '-d', url])).code).to.equal(0);
      expect((await nodes[1]!.get(id))?.recipients[0]?.state).to.equal('held');

      const shown = await run(['queue', 'nodes', '-d', url]);
      const lines = shown.stdout.trimEnd().split('\n');
      expect(lines[0]).to.match(/^HOST +PID +VERSION +UP +SEEN +CLOCK +NODE$/);
      expect(lines.length).to.equal(3);
      expect(lines[1]).to.include(` ${process.pid} `);
      expect(shown.code).to.equal(0);
      const json = await run(['queue', 'nodes', '--json', '-d', url]);
      const [first] = json.stdout.trimEnd().split('\n');
      expect(JSON.parse(first!)).to.include({ pid: process.pid, clockAheadMs: JSON.parse(first!).clockAheadMs });

      await nodes[0]!.close();
      await postgres.server.ask(
        "INSERT INTO lonedot.node VALUES ('lost', 'alpha', 7, '0.1.0', 0, extract(epoch FROM now()) * 1000 - 60000, 90000)",
        url,
      );
      const late = await run(['queue', 'nodes', '-d', url]);
      expect(late.stdout).to.match(/alpha +7 +0\.1\.0 .*gone or standing still for \d+s +\+90\.0s +lost/);
      expect(late.code).to.equal(1);
    } finally {
      await Promise.all(nodes.map((node) => node.close()));
    }
  });

  it('says what a database is not, in one line and without its password', async () => {
    const failed = await run(['queue', '-d', postgres.server.url('nowhere')]);
    expect(failed.code).to.equal(1);
    expect(failed.stderr).to.match(
      /^lonedot: database postgres:\/\/127\.0\.0\.1:\d+\/nowhere: database "nowhere" does not exist \(3D000\)\n$/,
    );
    const wrong = await run(['queue', '-d', 'postgres://user:secret@host']);
    expect(wrong.code).to.equal(2);
    expect(wrong.stderr).to.include('names no database').and.not.include('secret');
    const filtered = await run(['queue', 'nodes', '--sender', 'a@x', '-d', postgres.server.url()]);
    expect(filtered.code).to.equal(2);
  });

  it('has no nodes to show where the database is a file', async () => {
    const directory = await Directory.make();
    const store = await serveHere(directory.file);
    try {
      expect((await run(['queue', 'nodes', '-d', directory.file])).stdout).to.include('The database is a file');
    } finally {
      await store.close();
      await directory.remove();
    }
  });
});
