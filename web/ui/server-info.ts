// What the server says of itself; asked once, and again when the connection comes back.
import { signal } from '@preact/signals';
import * as api from './api.ts';
import type { WebUi } from './api-types.ts';
import type { Server } from './own-types.ts';

export const serverUi = signal<WebUi | null>(null);
export const server = signal<Server | null>(null);

export async function learnServer(): Promise<void> {
  // The page works without both: what is not known is not offered.
  await Promise.all([
    api.webUi().then(
      (found) => {
        serverUi.value = found;
      },
      () => {},
    ),
    api.server().then(
      (found) => {
        server.value = found;
      },
      () => {},
    ),
  ]);
}
