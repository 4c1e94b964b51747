import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

// What is loaded with a file, by its source: dynamic imports and types are not.
const HEAVY = [
  'zod',
  'ws',
  'bcryptjs',
  'nodemailer',
  'htmlparser2',
  'prom-client',
  'postal-mime',
  'node:tls',
  'node:https',
];
const STATIC = /^(?:import|export) (?!type\b)[^;]*? from '([^']+)';/gms;

function loadedWith(entry: string): Set<string> {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (url: URL): void => {
    if (files.has(url.href)) return;
    files.add(url.href);
    for (const [whole, from] of readFileSync(url, 'utf8').matchAll(STATIC)) {
      // `import { type A, type B }` leaves nothing behind.
      const names = /\{([^}]*)\}/.exec(whole!)?.[1];
      if (names?.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type '))) continue;
      if (from!.startsWith('.')) visit(new URL(from!, url));
      else packages.add(from!);
    }
  };
  visit(new URL(entry, new URL('../../', import.meta.url)));
  return packages;
}

describe('What the web server loads', () => {
  before(function () {
    // The sources are read; a build has none beside it.
    if (!existsSync(fileURLToPath(new URL('../../web/server/server.ts', import.meta.url)))) this.skip();
  });

  for (const entry of [
    'web/server/server.ts',
    'web/server/request-listener.ts',
    'web/server/pages/handlers.ts',
    'web/server/mailpit/messages.ts',
    'web/server/mailpit/message.ts',
    'web/server/mailhog/messages.ts',
    'web/server/lonedot/messages.ts',
    'web/server/lonedot/wait.ts',
    'web/server/lonedot/namespaces.ts',
    'web/server/lonedot/openapi.ts',
    'web/server/live/hub.ts',
  ]) {
    it(`with ${entry} is nothing heavy`, () => {
      const packages = loadedWith(entry);
      expect(
        [...packages].filter((name) => HEAVY.some((one) => name === one || name.startsWith(`${one}/`))),
      ).to.deep.equal([]);
    });
  }

  it('is seen by this test', () => {
    expect(loadedWith('web/server/request-listener.ts')).to.include('@hono/node-server');
    expect(loadedWith('web/server/live/websockets.ts')).to.include('ws');
    expect(loadedWith('web/server/lonedot/schemas.ts')).to.include('zod');
  });
});
