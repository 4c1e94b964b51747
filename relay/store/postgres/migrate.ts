// Makes the tables of a new database and brings those of an older program up to date. Nodes may start at the same time:
// one migrates, the others wait for its lock and find nothing left to do.

import type { Asker, Connections, Statement } from './connections.ts';
import { StoreError } from './connections.ts';
import { MIGRATIONS } from './schema.ts';

/** 'Lone', as in the SQLite engine: what the lock is about. */
const LOCK = 0x4c6f6e65;

/** From the catalogue's tables: functions such as to_regclass() may answer from what they knew before the lock. */
const LOOK = statement(`SELECT
  EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'lonedot' AND relname = 'version'),
  EXISTS (SELECT FROM pg_namespace WHERE nspname = 'lonedot')`);
const VERSION = statement('SELECT n FROM lonedot.version');

function statement(text: string): Statement {
  return { name: '', text };
}

/** Rejects with STORE_FAILED when the tables are of a newer program, not ours, not there, or may not be made. */
export async function migrate(connections: Connections, mustExist: boolean): Promise<void> {
  const found = await versionOf(connections, connections.patient);
  if (found === MIGRATIONS.length) return;
  if (found === 0 && mustExist) {
    throw connections.failure('there is no queue in it; name the one that the relay uses with --database URL');
  }
  try {
    await connections.patient.transaction(async (asker) => {
      await asker.ask(statement(`SET LOCAL lock_timeout=0; SELECT pg_advisory_xact_lock(${LOCK})`), []);
      const version = await versionOf(connections, asker);
      if (version === MIGRATIONS.length) return;
      if (version === 0) {
        await asker.ask(
          statement('CREATE SCHEMA lonedot; SET search_path=lonedot; CREATE TABLE version (n integer NOT NULL)'),
          [],
        );
        await asker.ask(statement('INSERT INTO lonedot.version VALUES (0)'), []);
      }
      for (const step of MIGRATIONS.slice(version)) await asker.ask(statement(step), []);
      await asker.ask(statement(`UPDATE lonedot.version SET n = ${MIGRATIONS.length}`), []);
    });
  } catch (error) {
    if (error instanceof StoreError && error.state === '42501') {
      throw connections.failure('its user may not make a schema; let it: GRANT CREATE ON DATABASE ... TO ...');
    }
    throw error;
  }
}

async function versionOf(connections: Connections, asker: Asker): Promise<number> {
  const [found] = await asker.ask<[boolean, boolean]>(LOOK, []);
  const [isOurs, exists] = found!;
  if (!isOurs && exists)
    throw connections.failure('its schema "lonedot" belongs to another program; choose another database');
  if (!isOurs) return 0;
  const version = (await asker.ask<[number]>(VERSION, []))[0]?.[0] ?? 0;
  if (version <= MIGRATIONS.length) return version;
  const versions = `its schema is ${version}, this program knows ${MIGRATIONS.length}`;
  throw connections.failure(`it is used by a newer lonedot (${versions}); update lonedot or choose another database`);
}
