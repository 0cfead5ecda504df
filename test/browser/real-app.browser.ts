import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import type { Browser, Page } from 'playwright-core';
import { AGENT, HOLDER } from '../support/app/canaries.js';
import { freshHost } from '../support/app/fresh-host.js';
import { payload } from '../support/app/payload.js';
import { platforms, type WebhookApp } from '../support/app/webhook-app.js';
import { open, startChromium } from './support/browser.js';
import { pageBehindCookie, PATH } from './support/cookie-host.js';
import { POLICY } from './support/fixture-server.js';

/** Fails while the ledger is away. */
@Injectable()
class Ledger {
  isAway = true;
  readonly booked: string[] = [];

  @OnVerification({ id: 'ledger.book' })
  book({ sessionId }: VerificationEvent): void {
    if (this.isAway) throw new Error('the ledger does not answer');
    this.booked.push(sessionId);
  }
}

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(() => browser?.close());

/** Opens the page with the cookie of the host. */
function visit(url: string, address = '') {
  const storageState = { cookies: [cookieOf(url)], origins: [] };
  return open(browser, `${url}${PATH}${address}`, { storageState });
}

function cookieOf(url: string) {
  const { hostname } = new URL(url);
  const flags = { httpOnly: true, secure: false, sameSite: 'Lax' } as const;
  return { name: 'session', value: 'alice', domain: hostname, path: '/', expires: -1, ...flags };
}

async function press(page: Page, dialog: string, button: string): Promise<void> {
  await page.getByRole('dialog', { name: dialog }).getByRole('button', { name: button }).click();
}

describe.each(platforms)('the page of a real application on %s', (platform) => {
  const host = freshHost('sqlite');
  const ledger = new Ledger();

  async function start(): Promise<WebhookApp> {
    ledger.isAway = true;
    return host.start((app) =>
      app
        .on(platform)
        .importing(pageBehindCookie())
        .withHandlers({ provide: Ledger, useValue: ledger })
        .withOptions({ processing: { retry: { attempts: 2, initialDelay: 20, maxDelay: 20 } } }),
    );
  }

  it('shows a dead delivery masked, reveals it with a reason on record, and replays it', async () => {
    const app = await start();
    const sent = payload();
    await app.post(sent);
    await app.delivery(sent['sessionId'], 'dead');
    const { page, answers, violations, outside } = await visit(app.url, '#/deliveries?state=dead');
    await page.getByRole('link', { name: /the ledger does not answer/ }).click();
    await page.getByText('What happened').waitFor();
    await page.getByText('accountHolder').waitFor();
    for (const canary of [HOLDER, AGENT]) {
      expect(await page.content()).not.toContain(canary);
      expect(answers.join('\n')).not.toContain(canary);
    }
    await page.getByRole('button', { name: 'Reveal contents…' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('Ticket 4711');
    await press(page, 'Reveal the contents?', 'Reveal');
    await page.getByText(HOLDER).waitFor();
    await page.getByRole('button', { name: 'Hide' }).click();
    ledger.isAway = false;
    await page.getByRole('button', { name: 'Replay…' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('The ledger is back.');
    await press(page, 'Replay this delivery?', 'Replay');
    await app.delivery(sent['sessionId'], 'completed');
    expect(ledger.booked).toContain(sent['sessionId']);
    await page.keyboard.press('.');
    await page.getByText('The ledger is back.').waitFor();
    await page.goto(`${app.url}${PATH}#/actions`);
    await page.getByText('Ticket 4711').waitFor();
    expect(await page.getByText('alice@example.com').count()).toBeGreaterThan(1);
    expect({ outside, violations: await violations() }).toEqual({ outside: [], violations: [] });
    await page.context().close();
  });

  it('shows what a conflict differs in, without its values, and accepts it', async () => {
    const app = await start();
    ledger.isAway = false;
    const sent = payload();
    await app.post(sent);
    await app.delivery(sent['sessionId'], 'completed');
    await app.post({ ...sent, status: 'ERROR', extractedData: null, proofHash: null });
    const { page, answers } = await visit(app.url, '#/rejections');
    await page.getByRole('link', { name: 'Conflict' }).click();
    await page.getByText('What differs from it').waitFor();
    await page.getByRole('cell', { name: '"ERROR"' }).waitFor();
    expect(answers.join('\n')).not.toContain(HOLDER);
    await page.getByRole('button', { name: 'Accept…' }).click();
    await press(page, 'Accept this content?', 'Accept');
    await page.getByRole('status').filter({ hasText: 'It is accepted' }).waitFor();
    expect((await app.inbox.find({ sessionId: String(sent['sessionId']) }))?.status).toBe('ERROR');
    await page.context().close();
  });

  it('replays all that match a filter, and shows how it goes', async () => {
    const app = await start();
    const sent = [payload(), payload(), payload()];
    for (const one of sent) await app.post(one);
    for (const { sessionId } of sent) await app.delivery(sessionId, 'dead');
    const { page } = await visit(app.url, '#/deliveries?state=dead&handler=ledger.book');
    ledger.isAway = false;
    await page.getByRole('link', { name: 'Replay all that match…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Replay many deliveries' });
    await dialog.getByText('3 deliveries match').waitFor();
    await dialog.getByText('ledger.book runs again on 3').waitFor();
    await dialog.getByRole('button', { name: 'Replay 3' }).click();
    await page.getByRole('status').filter({ hasText: 'Started with 3 deliveries.' }).waitFor();
    for (const { sessionId } of sent) await app.delivery(sessionId, 'completed');
    await page.getByText('1 earlier bulk operation').click();
    await page.getByText('3 of 3 done, 0 skipped. 0 dead again.').waitFor();
    expect(ledger.booked).toEqual(expect.arrayContaining(sent.map(({ sessionId }) => sessionId)));
    await page.context().close();
  });

  it('tells a newcomer what to do while nothing has come', async () => {
    const app = await start();
    const { page, errors } = await visit(app.url, '#/deliveries');
    await page.getByText('No delivery has come yet').waitFor();
    await page.getByText(`${app.url}/webhook/cr3dentials`, { exact: true }).waitFor();
    await page.getByText('set X-API-Key with your secret').waitFor();
    await page.goto(`${app.url}${PATH}#/dead`);
    await page.getByText('Nothing is dead.').waitFor();
    await page.goto(`${app.url}${PATH}#/rejections`);
    await page.getByText('No rejection is open.').waitFor();
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it('has the policy that all views are tested with', async () => {
    const app = await start();
    const response = await fetch(`${app.url}${PATH}`, { headers: { cookie: 'session=alice' } });
    expect(response.headers.get('content-security-policy')).toBe(POLICY);
  });
});
