// The SQLite engine against the contract of every store.

import { storeContract } from './contract.ts';
import { inThisThread } from './sqlite-place.ts';

storeContract('SQLite', inThisThread);
