// The inbox thread's entry when the program runs from its TypeScript source, as relay/store/sqlite-worker.dev.js is for
// the database thread. Not part of the build.

import { register } from 'tsx/esm/api';

register();
await import('./inbox-worker.ts');
