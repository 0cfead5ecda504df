import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { NOW } from './fixtures/times.js';
import { session } from './fixtures/work.js';
import { accessibilityViolations, open, startChromium } from './support/browser.js';
import { refusing, type Answer } from './support/fixture-routes.js';
import { fixtureServer, type FixtureServer } from './support/fixture-server.js';

const TOKEN = 'a-token-of-the-tests';
const known: Answer = ({ headers }) =>
  headers.authorization === `Bearer ${TOKEN}`
    ? { status: 200, body: session }
    : { status: 401, body: { message: 'Unauthorized', statusCode: 401 } };

let browser: Browser;
let server: FixtureServer;
let page: Page;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(() => browser?.close());

afterEach(async () => {
  await page.context().close();
  await server.close();
});

function heading(name: string): Promise<void> {
  return page.getByRole('heading', { name, level: 1 }).waitFor();
}

function kept(): Promise<string> {
  return page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, document.cookie]),
  );
}

describe('a host whose guards read a token', () => {
  beforeEach(async () => {
    server = await fixtureServer({ signIn: 'bearer' });
    server.answer('GET session', known);
  });

  it('is asked for by a field, and kept in memory only', async () => {
    ({ page } = await open(browser, server.url, { now: NOW }));
    await heading('Sign in');
    expect(await accessibilityViolations(page)).toEqual([]);
    await page.getByLabel('Access token').fill(TOKEN);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await heading('Overview');
    expect(await kept()).not.toContain(TOKEN);
    await page.reload();
    await heading('Sign in');
  });

  it('is kept for the tab on request', async () => {
    ({ page } = await open(browser, server.url, { now: NOW }));
    await page.getByLabel('Access token').fill(TOKEN);
    await page.getByLabel('Keep it until this tab is closed').check();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await heading('Overview');
    await page.reload();
    await heading('Overview');
    expect(await page.getByLabel('Access token').count()).toBe(0);
  });

  it('is taken from the fragment, which loses it at once', async () => {
    ({ page } = await open(browser, `${server.url}#access_token=${TOKEN}`, { now: NOW }));
    await heading('Overview');
    expect(await kept()).not.toContain(TOKEN);
  });

  it('is asked for again once it is no longer good', async () => {
    ({ page } = await open(browser, `${server.url}#access_token=${TOKEN}`, { now: NOW }));
    await heading('Overview');
    const expired = refusing(401, { code: 'UNAUTHENTICATED', message: 'Sign in.' });
    for (const route of ['GET session', 'GET overview', 'GET tallies']) server.answer(route, expired);
    await page.keyboard.press('.');
    await heading('Sign in');
    expect(await page.getByLabel('Access token').inputValue()).toBe('');
  });
});

describe('a host with a session of its own', () => {
  it('is named as the place to sign in, without a field', async () => {
    server = await fixtureServer();
    server.answer('GET session', refusing(401, { code: 'UNAUTHENTICATED', message: 'Sign in.' }));
    ({ page } = await open(browser, server.url, { now: NOW }));
    await page.getByText('Your session in the application has ended.').waitFor();
    expect(await page.locator('input').count()).toBe(0);
  });

  it('that lets nobody in has its reason shown', async () => {
    server = await fixtureServer();
    const message = 'The permission look is missing. Give it to the operator in identify().';
    server.answer('GET session', refusing(403, { code: 'FORBIDDEN', message }));
    ({ page } = await open(browser, server.url, { now: NOW }));
    await page.getByText(message).waitFor();
    expect(await page.locator('input').count()).toBe(0);
  });
});
