// The PostgreSQL engine against the contract of every store.

import { openPostgresStore } from '../../../relay/store/postgres.ts';
import { storeContract } from './contract.ts';
import { PostgresServer, postgresMissing } from './postgres-server.ts';

describe('the store on PostgreSQL', function () {
  this.timeout(30_000);
  let server: PostgresServer;

  before(async function () {
    this.timeout(60_000);
    const missing = postgresMissing();
    if (missing) {
      process.stdout.write(`    skipped: ${missing}\n`);
      this.skip();
    }
    server = await PostgresServer.start({ synced: false });
    // Nothing is claimed from a server that has just been started.
    await new Promise((resolve) => setTimeout(resolve, 3000));
  });
  after(() => server?.stop());

  storeContract('PostgreSQL', async () => {
    const url = await server.newDatabase();
    return {
      open: (clock) => openPostgresStore({ url, clock, patience: 5000 }),
      remove: async () => {
        await server.ask(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
      },
    };
  });
});
