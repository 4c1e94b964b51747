// Tests in a real Chromium. `inChromium` makes a suite with one browser; each test opens pages in contexts of their own,
// and fails when a page logged an error that it was not told to expect.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { patient } from '../../../support/within.ts';
import { FakeServer } from './fake-server.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface OpenOptions {
  /** Called before the page is opened. */
  readonly prepare?: (server: FakeServer) => void;
  /** Behind the `#`. */
  readonly hash?: string;
  readonly base?: string;
  readonly context?: BrowserContextOptions;
  /** Errors that the page may log: mail that is refused logs what was refused. */
  readonly expected?: RegExp;
}

export interface Opened {
  readonly page: Page;
  readonly server: FakeServer;
}

export interface World {
  /** Opens the page on a fake server, and waits for the list. */
  open(options?: OpenOptions): Promise<Opened>;
  /** Opens any address; its errors are watched, too. */
  visit(url: string, options?: Pick<OpenOptions, 'context' | 'expected'>): Promise<Page>;
}

export const WIDE = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

export function inChromium(title: string, tests: (world: World) => void): void {
  describe(title, function () {
    this.timeout(patient(30_000));
    let browser: Browser;
    let folder: string;
    let contexts: BrowserContext[] = [];
    let servers: FakeServer[] = [];
    let errors: string[] = [];

    before(async function () {
      if (!existsSync(CHROMIUM)) {
        console.log(`      skipped: there is no ${CHROMIUM}`);
        this.skip();
      }
      folder = builtPage();
      const { chromium } = await import('playwright-core');
      browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    });

    afterEach(async () => {
      await Promise.all(contexts.map((context) => context.close()));
      await Promise.all(servers.map((server) => server.close()));
      const logged = errors;
      [contexts, servers, errors] = [[], [], []];
      expect(logged, 'errors that the page logged').to.deep.equal([]);
    });

    after(async () => {
      await browser?.close();
      if (folder) rmSync(folder, { recursive: true, force: true });
    });

    const visit: World['visit'] = async (url, { context: options = {}, expected } = {}) => {
      const context = await browser.newContext({ viewport: WIDE, locale: 'en-GB', ...options });
      contexts.push(context);
      // Sooner than the test's own limit: what was waited for is told then.
      context.setDefaultTimeout(patient(8000));
      const page = await context.newPage();
      const take = (line: string): void => {
        if (!expected?.test(line)) errors.push(line);
      };
      page.on('pageerror', (error) => take(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') take(message.text());
      });
      await page.goto(url);
      return page;
    };

    const open: World['open'] = async ({ prepare, hash = '', base = '/', ...rest } = {}) => {
      const server = new FakeServer(folder, base);
      servers.push(server);
      prepare?.(server);
      await server.listen();
      const page = await visit(`${server.url}${hash}`, rest);
      await page
        .locator('.column .toolbar .count')
        .filter({ hasText: /mail|found/ })
        .waitFor({ state: 'attached' });
      return { page, server };
    };

    tests({ open, visit });
  });
}

/** Nothing is on its way any more. */
export function settled(page: Page): Promise<void> {
  return page.locator('body:not(:has(.loading))').waitFor();
}

/** Built anew, so that nobody tests what was built yesterday. */
export function builtPage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lonedot-ui-'));
  const built = spawnSync(process.execPath, ['scripts/build-ui.mjs', folder], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the page cannot be built: ${built.stderr}${built.stdout}`);
  return folder;
}
