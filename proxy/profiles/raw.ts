// No protocol at all: chunks as they come.
import type { Mode, Profile } from './profile.ts';

const CHUNKS: Mode = { kind: 'raw', terminator: null, piecewise: true };

export const raw: Profile = {
  name: 'raw',
  start: (talk) => {
    talk.client.next(CHUNKS);
    talk.server.next(CHUNKS);
    return { client: () => {}, server: () => {} };
  },
};
