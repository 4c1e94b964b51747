// What every store must do, whatever engine is behind it: each engine's test file runs this on its own databases.

import { changeContract } from './contract-change.ts';
import { contentContract } from './contract-content.ts';
import { noticeContract } from './contract-notice.ts';
import { queueContract } from './contract-queue.ts';
import { viewContract } from './contract-views.ts';
import type { Place } from './support.ts';

export function storeContract(name: string, newPlace: () => Promise<Place>): void {
  describe(`${name}: the store's contract`, () => {
    describe('content and commit', () => contentContract(newPlace));
    describe('queue', () => queueContract(newPlace));
    describe('what an operator sees and changes', () => changeContract(newPlace));
    describe('notices, traits and marks', () => noticeContract(newPlace));
    describe('views and removal', () => viewContract(newPlace));
  });
}
