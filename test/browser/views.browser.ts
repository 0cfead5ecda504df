import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { mkdirSync } from 'node:fs';
import { rows } from './fixtures/deliveries.js';
import { NOW } from './fixtures/times.js';
import { rejections } from './fixtures/work.js';
import { accessibilityViolations, open, startChromium } from './support/browser.js';
import { fixtureServer, type FixtureServer } from './support/fixture-server.js';

const dead = rows.find(({ state }) => state === 'dead')?.id ?? '';
const [conflict, invalid] = rejections;

/** Every view: its address, and a text that stands in it once it is there. */
const views = {
  overview: ['#/overview', 'backlog'],
  deliveries: ['#/deliveries', 'too many connections'],
  'deliveries-of-a-state': ['#/deliveries?state=dead', 'ledger.book'],
  delivery: [`#/deliveries/${dead}`, 'What happened'],
  dead: ['#/dead', 'Under way'],
  preview: ['#/dead?state=dead&handler=ledger.book&preview=replay', 'is not touched'],
  rejections: ['#/rejections', 'must not be empty'],
  conflict: [`#/rejections/${conflict?.id}`, 'What differs from it'],
  invalid: [`#/rejections/${invalid?.id}`, 'What does not fit'],
  handlers: ['#/handlers', 'Nobody subscribes'],
  handler: ['#/handlers/ledger.book', 'Length of a run'],
  secrets: ['#/secrets', 'rotation'],
  instances: ['#/instances', 'processing.lease'],
  actions: ['#/actions', 'bob@example.com'],
} as const satisfies Record<string, readonly [string, string]>;

type View = keyof typeof views;

/** Pictures that docs/dashboard.md shows. */
const DOCUMENTED: ReadonlySet<string> = new Set([
  'overview-1280-light',
  'overview-1280-dark',
  'delivery-1280-light',
  'dead-1280-light',
  'conflict-1280-light',
]);
const PICTURES = process.env.PICTURES;

let browser: Browser;
let server: FixtureServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([startChromium(), fixtureServer()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Opens a view, and waits until it is there. */
async function shown(view: View, width = 1280, colorScheme: 'light' | 'dark' = 'light') {
  const [address, text] = views[view];
  const viewport = { width, height: 900 };
  const opened = await open(browser, server.url + address, { viewport, colorScheme, now: NOW });
  await opened.page.getByText(text).first().waitFor();
  return opened;
}

/** Makes a picture of a view: of all into the folder that `PICTURES` names, with `docs` only those of the documents. */
async function takePicture(page: Page, name: string): Promise<void> {
  const isDocumented = DOCUMENTED.has(name);
  if (!PICTURES || (PICTURES === 'docs' && !isDocumented)) return;
  const isLong = !name.startsWith('preview');
  if (PICTURES === 'docs') {
    const path = `docs/images/dashboard-${name.replace('-1280-light', '').replace('-1280', '')}.png`;
    await page.screenshot({ path, fullPage: isLong });
  } else {
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: isLong });
  }
}

describe.each(Object.keys(views) as View[])('the view %s', (view) => {
  it.each(['light', 'dark'] as const)('is accessible, fits, and keeps to its policy, %s', async (colorScheme) => {
    const { page, violations, errors, outside } = await shown(view, 1280, colorScheme);
    for (const width of [1280, 640, 320]) {
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      // A chart is drawn again once it knows its new width.
      const isFitting = await page
        .waitForFunction(() => document.documentElement.scrollWidth <= innerWidth, undefined, { timeout: 5_000 })
        .then(
          () => true,
          () => false,
        );
      const found = await accessibilityViolations(page);
      expect({ width, found, isFitting }).toEqual({ width, found: [], isFitting: true });
      await takePicture(page, `${view}-${width}-${colorScheme}`);
    }
    expect({ errors, outside, violations: await violations() }).toEqual({ errors: [], outside: [], violations: [] });
    await page.context().close();
  });
});

describe('the policy', () => {
  it('would be seen to be broken: an inline handler is reported', async () => {
    const { page, violations } = await shown('overview');
    await page.route('**/ops/inbox', async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace('</body>', '<button onclick="alert(1)">Inline</button></body>');
      await route.fulfill({ response, body });
    });
    await page.reload();
    await page.getByText('Inline').click();
    expect(await violations()).toEqual([expect.stringContaining('script-src-attr')]);
    await page.context().close();
  });

  it('would be seen to be broken: markup from a text is reported', async () => {
    const { page, violations } = await shown('overview');
    await page
      .evaluate(() => {
        document.body.innerHTML = '<b></b>';
      })
      .catch(() => undefined);
    expect(await violations()).toEqual([expect.stringContaining('require-trusted-types-for')]);
    await page.context().close();
  });
});

describe('axe', () => {
  it('would see a fault', async () => {
    const { page } = await shown('overview');
    await page.evaluate(() => document.querySelector('label[for="find"]')?.remove());
    await page.evaluate(() => document.querySelector('#find')?.removeAttribute('placeholder'));
    expect(await accessibilityViolations(page)).toEqual([expect.stringMatching(/^label: /)]);
    await page.context().close();
  });
});
