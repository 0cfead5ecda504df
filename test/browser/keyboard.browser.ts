import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { rows } from './fixtures/deliveries.js';
import { NOW } from './fixtures/times.js';
import { open, startChromium } from './support/browser.js';
import { fixtureServer, type FixtureServer } from './support/fixture-server.js';
import { until } from '../support/time/until.js';

const dead = rows.filter(({ state }) => state === 'dead');
const [first, second] = dead;

let browser: Browser;
let server: FixtureServer;
let page: Page;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  server = await fixtureServer();
  ({ page } = await open(browser, server.url, { now: NOW }));
  await heading('Overview');
});

afterEach(async () => {
  await page.context().close();
  await server.close();
});

function heading(name: string): Promise<void> {
  return page.getByRole('heading', { name, level: 1 }).waitFor();
}

async function press(...keys: string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

/** What has the focus, as its text or name. */
function focused(): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    return (element?.getAttribute('title') ?? element?.textContent ?? '').trim();
  });
}

describe('by keyboard alone', () => {
  it.each([
    ['d', 'Deliveries'],
    ['x', 'Dead letters'],
    ['r', 'Rejections'],
    ['h', 'Handlers'],
    ['s', 'Secrets'],
    ['i', 'Instances'],
    ['a', 'Actions'],
    ['o', 'Overview'],
  ])('g %s goes to %s, and the focus to its heading', async (key, name) => {
    if (key === 'o') await press('g', 'd');
    await press('g', key);
    await heading(name);
    await until('the heading has the focus', async () => (await focused()) === name);
    expect(await page.title()).toBe(`${name} · Webhook inbox`);
  });

  it('a dead delivery is found, read, replayed with a reason, and left again', async () => {
    await page.goto(`${server.url}#/deliveries?state=dead`);
    await page.getByRole('link', { name: 'ledger.book' }).first().waitFor();
    await press('j');
    expect(await focused()).toBe(first?.sessionId);
    await press('j', 'k', 'j', 'Enter');
    await page.getByText('What happened').waitFor();
    expect(page.url()).toContain(second?.id ?? 'none');
    await press('R');
    await page.getByRole('dialog', { name: 'Replay this delivery?' }).waitFor();
    await page.keyboard.type('The ledger is back.');
    await press('Tab', 'Tab', 'Enter');
    await page.getByRole('status').filter({ hasText: 'It is replayed.' }).waitFor();
    expect(server.acts.map(({ path, body }) => ({ path, body }))).toEqual([
      { path: `deliveries/${second?.id}/replay`, body: { reason: 'The ledger is back.' } },
    ]);
    await press('u');
    await heading('Deliveries');
  });

  it('an act is only asked for, and Escape does nothing but close', async () => {
    await page.goto(`${server.url}#/deliveries/${first?.id}`);
    await page.getByText('What happened').waitFor();
    for (const [key, name] of [
      ['R', 'Replay this delivery?'],
      ['D', 'Discard this delivery?'],
      ['V', 'Reveal the contents?'],
    ] as const) {
      await press(key);
      const dialog = page.getByRole('dialog', { name });
      await dialog.waitFor();
      await press('Escape');
      await dialog.waitFor({ state: 'detached' });
    }
    expect(server.acts).toEqual([]);
  });

  it('contents are revealed with a reason, and hidden', async () => {
    await page.goto(`${server.url}#/deliveries/${first?.id}`);
    await page.getByText('What happened').waitFor();
    await press('V');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.type('Ticket 4711');
    await press('Tab', 'Tab', 'Enter');
    await page.getByRole('region', { name: 'Contents' }).waitFor();
    const hide = page.getByRole('button', { name: 'Hide' });
    await hide.focus();
    await press('Enter');
    await page.getByText('Values are masked').waitFor();
    expect(await page.content()).not.toContain('90071992547409931234');
  });

  it('a dialog gives the focus back to what opened it', async () => {
    await page.goto(`${server.url}#/deliveries/${first?.id}`);
    await page.getByRole('button', { name: 'Discard…' }).focus();
    await press('Enter');
    await page.getByRole('dialog').waitFor();
    await press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await until('the focus is back', async () => (await focused()) === 'Discard…');
    expect(server.acts).toEqual([]);
  });

  it('rows are selected by x and discarded together', async () => {
    await page.goto(`${server.url}#/deliveries?state=dead`);
    await page.getByRole('link', { name: 'ledger.book' }).first().waitFor();
    await press('j', 'x', 'j', 'x', 'D');
    await page.getByRole('dialog', { name: 'Discard 2 deliveries?' }).waitFor();
    await press('Tab', 'Tab', 'Enter');
    await page.getByRole('status').filter({ hasText: 'Discarded 2 deliveries.' }).waitFor();
    expect(server.acts.map(({ path }) => path).toSorted()).toEqual(
      dead.map(({ id }) => `deliveries/${id}/discard`).toSorted(),
    );
  });

  it('/ finds, and a single hit is gone to; what is typed stands in no address', async () => {
    await press('/');
    await page.keyboard.type(first?.sessionId ?? '');
    await press('Enter');
    await heading('Delivery');
    expect(page.url()).not.toContain(first?.sessionId ?? 'none');
  });

  it('keys mean nothing in a field, with a modifier, or once they are switched off', async () => {
    await press('/');
    await page.keyboard.type('gd?');
    expect(await page.locator('#find').inputValue()).toBe('gd?');
    await page.getByRole('heading', { level: 1 }).focus();
    await press('Control+?');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.getByLabel('Use these keys').uncheck();
    await press('Escape');
    await press('g', 'd', '?');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await heading('Overview');
  });

  it('the first Tab reaches the link to the content', async () => {
    await page.reload();
    await heading('Overview');
    await press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await press('Enter');
    await until('the heading has the focus', async () => (await focused()) === 'Overview');
    expect(page.url()).not.toContain('main');
  });
});
