// What every store must do, whatever engine is behind it: each engine's test file runs this on its own databases.

import { contentContract } from './contract-content.ts';
import { queueContract } from './contract-queue.ts';
import { viewContract } from './contract-views.ts';
import type { Place } from './support.ts';

export function storeContract(name: string, newPlace: () => Promise<Place>): void {
  describe(`${name}: the store's contract`, () => {
    describe('content and commit', () => contentContract(newPlace));
    describe('queue', () => queueContract(newPlace));
    describe('views and removal', () => viewContract(newPlace));
  });
}
