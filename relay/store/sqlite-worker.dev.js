// The database thread's entry when the program runs from its TypeScript source (tests, npm run dev): Node 20 does not
// apply the main thread's loader to worker threads, so this one brings its own. Not part of the build.

import { register } from 'tsx/esm/api';

register();
await import('./sqlite-worker.ts');
