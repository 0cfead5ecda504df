import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { NOW } from '../fixtures/times.js';
import { open, startChromium } from './browser.js';
import { fixtureServer, type FixtureServer } from './fixture-server.js';

/** A page on made-up data, in a browser of the suite's own. The page and its server are new for each test. */
export interface VisitedPage {
  readonly server: FixtureServer;
  readonly page: Page;
  /** Opens an address below the page at a time of the browser's clock, and waits until it is there. */
  visit(address: string, now?: number): Promise<void>;
}

export function visitedPage(): VisitedPage {
  let browser: Browser;
  let server: FixtureServer;
  let page: Page;

  beforeAll(async () => {
    browser = await startChromium();
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    server = await fixtureServer();
  });

  afterEach(async () => {
    await page.context().close();
    await server.close();
  });

  return {
    get server() {
      return server;
    },
    get page() {
      return page;
    },
    async visit(address, now = NOW) {
      ({ page } = await open(browser, `${server.url}${address}`, { now }));
      await page.getByRole('heading', { level: 1 }).waitFor();
    },
  };
}
