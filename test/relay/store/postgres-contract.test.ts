// The PostgreSQL engine against the contract of every store.

import { openPostgresStore } from '../../../relay/store/postgres.ts';
import { storeContract } from './contract.ts';
import { postgresForSuite } from './postgres-server.ts';

describe('the store on PostgreSQL', function () {
  this.timeout(30_000);
  const postgres = postgresForSuite({ isOld: true });

  storeContract('PostgreSQL', async () => {
    const url = await postgres.server.newDatabase();
    return {
      open: (clock) => openPostgresStore({ url, clock, patience: 5000 }),
      remove: async () => {
        await postgres.server.ask(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
      },
    };
  });
});
