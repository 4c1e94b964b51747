// PostgreSQL for a measurement: a fresh data directory on the same disk as everybody's, its defaults but for where it is,
// and synced. Debian keeps its programs outside of PATH; it does not run as root.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { newFolder } from './mail-peers.mjs';
import { findProgram, freePort, start } from './processes.mjs';

const DEBIAN = '/usr/lib/postgresql';

/** Resolves with `url(database)`, `newDatabase()`, `cpuSeconds()` and `stop()`; null where it is not installed. */
export async function postgresServer({ settings = [] } = {}) {
  const versions = fs.existsSync(DEBIAN) ? fs.readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin')) : [];
  const initdb = findProgram('initdb', versions);
  if (initdb === null) return null;
  const folder = newFolder();
  const user = process.getuid?.() === 0 ? asPostgres(folder) : [];
  const data = join(folder, 'data');
  const [program, ...rest] = [...user, initdb, '-D', data, '-U', 'bench', '-E', 'UTF8', '--locale=C', '--auth=trust'];
  execFileSync(program, rest, { cwd: folder, stdio: 'ignore' });
  const port = await freePort();
  const all = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_wal_size=4GB', ...settings];
  const server = await start(
    'PostgreSQL',
    () => [...user, findProgram('postgres', versions), '-D', data, '-p', port, ...all.flatMap((one) => ['-c', one])],
    { port, quiet: 'all' },
  );
  let databases = 0;
  return {
    ...server,
    newDatabase: () => {
      const name = `bench${++databases}`;
      const psql = findProgram('psql', versions);
      for (let tries = 0; ; tries++) {
        try {
          execFileSync(
            psql,
            ['-h', '127.0.0.1', '-p', port, '-U', 'bench', '-c', `CREATE DATABASE ${name}`, 'postgres'],
            {
              stdio: 'ignore',
            },
          );
          return `postgres://bench@127.0.0.1:${port}/${name}`;
        } catch (error) {
          // It listens before it takes questions.
          if (tries === 50) throw error;
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
        }
      }
    },
  };
}

function asPostgres(folder) {
  const [, , uid, gid] = fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith('postgres:'))
    .split(':');
  fs.chownSync(folder, Number(uid), Number(gid));
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
}
