// The database thread's entry: nothing but the loop, on the port to the thread that started it.

import { parentPort, workerData } from 'node:worker_threads';
import type { ServeOptions } from './sqlite-protocol.ts';
import { serve } from './sqlite-serve.ts';

if (parentPort) serve(parentPort, workerData as ServeOptions);
