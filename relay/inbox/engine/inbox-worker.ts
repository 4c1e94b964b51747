// The inbox thread's entry: nothing but the loop, on the port to the thread that started it.

import { parentPort, workerData } from 'node:worker_threads';
import type { InboxStart } from './inbox-protocol.ts';
import { serveInbox } from './inbox-server.ts';

if (parentPort) serveInbox(parentPort, workerData as InboxStart);
