// Files that are not opened, and what the user is told; where it is the engine that says so, heard without a thread.

import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import Libsql from 'libsql';
import { openSqliteStore } from '../../../relay/store/sqlite.ts';
import { MIGRATIONS } from '../../../relay/store/sqlite-schema.ts';
import { Directory, serveHere } from './sqlite-place.ts';
import { storeFailed } from './support.ts';

describe('SQLite store refuses, in one line that names the file and says what to do,', () => {
  let directory: Directory;

  beforeEach(async () => {
    directory = await Directory.make();
  });

  afterEach(() => directory.remove());

  async function refusal(file: string, opening: Promise<unknown> = serveHere(file)): Promise<string> {
    const error = await storeFailed(opening);
    expect(error.message).to.contain(file);
    return error.message;
  }

  it('a file in a directory that does not exist', async () => {
    const missing = join(directory.path, 'missing');
    expect(await refusal(missing, openSqliteStore({ file: join(missing, 'mail.db') }))).to.contain(
      `the directory ${missing} does not exist; create it`,
    );
  });

  it('a file whose directory is a file', async () => {
    await writeFile(directory.file, '');
    expect(await refusal(directory.file, openSqliteStore({ file: join(directory.file, 'mail.db') }))).to.contain(
      'is not a directory',
    );
  });

  it('a directory', async () => {
    await mkdir(directory.file);
    expect(await refusal(directory.file, openSqliteStore(directory))).to.contain('it is not a file');
  });

  it('a file that is no database', async () => {
    await writeFile(directory.file, 'From: me\r\n'.repeat(1000));
    expect(await refusal(directory.file)).to.contain('it is not a SQLite database; choose another file');
    expect((await stat(directory.file)).size).to.equal(10_000);
  });

  it('the database of another program', async () => {
    const other = new Libsql(directory.file);
    other.exec('CREATE TABLE theirs (a)');
    other.close();
    expect(await refusal(directory.file)).to.contain('it belongs to another program');
    expect(directory.ask('SELECT count(*) FROM sqlite_schema')).to.equal(1);
  });

  it('a database that a newer version has written', async () => {
    await (await serveHere(directory.file)).close();
    directory.ask(`PRAGMA user_version=${MIGRATIONS.length + 1}`);
    expect(await refusal(directory.file))
      .to.contain('it was written by a newer lonedot')
      .and.contain('update lonedot');
  });

  it('a database that another program keeps locked', async () => {
    const other = new Libsql(directory.file);
    other.exec('BEGIN EXCLUSIVE');
    expect(await refusal(directory.file)).to.contain('another program keeps it locked');
    other.exec('COMMIT');
    other.close();
  });

  it('a file or a directory that may not be written', async () => {
    await (await serveHere(directory.file)).close();
    await chmod(directory.path, 0o755);
    const beside = join(directory.path, 'beside.db');
    await asNobody(async () => {
      expect(await refusal(beside, openSqliteStore({ file: beside }))).to.contain('it cannot be created (EACCES)');
    });
    for (const mode of [0o444, 0o000]) {
      await chmod(directory.file, mode);
      await asNobody(async () => {
        expect(await refusal(directory.file)).to.match(/make the file and its directory (readable and )?writable/);
      });
    }
  });
});

/** Nothing is forbidden to root, who tests often are in containers. */
async function asNobody(run: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    await run();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}
