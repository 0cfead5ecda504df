import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Frame, Page } from 'playwright-core';
import { HOLDER } from '../support/app/canaries.js';
import { freshHost } from '../support/app/fresh-host.js';
import { payload } from '../support/app/payload.js';
import type { WebhookApp } from '../support/app/webhook-app.js';
import { startChromium } from './support/browser.js';
import { pageBehindCookie, PATH } from './support/cookie-host.js';
import { reverseProxy, type ReverseProxy } from './support/reverse-proxy.js';

const HOST = 'inbox.example.test';

let browser: Browser;
let foreign: Server;
let foreignPort: number;
const host = freshHost('sqlite');
let app: WebhookApp;
let port: string;
let id: string;
let sessionId: string;
let page: Page;
const proxies: ReverseProxy[] = [];

beforeAll(async () => {
  // Every name of these tests is this machine.
  browser = await startChromium(['--host-resolver-rules=MAP *.test 127.0.0.1']);
  foreign = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>Foreign</title>');
  }).listen(0, '127.0.0.1');
  await once(foreign, 'listening');
  foreignPort = (foreign.address() as AddressInfo).port;
});

afterAll(async () => {
  await browser?.close();
  foreign?.closeAllConnections();
  foreign?.close();
});

beforeEach(async () => {
  // As many hosts do: any origin may ask, with cookies.
  app = await host.start((builder) =>
    builder
      .importing(pageBehindCookie())
      .withOptions({ processing: { enabled: false } })
      .configured((nest) => nest.enableCors({ origin: true, credentials: true })),
  );
  ({ port } = new URL(app.url));
  const sent = payload();
  sessionId = String(sent['sessionId']);
  await app.post(sent);
  ({ id } = await app.delivery(sessionId, 'pending'));
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  context.setDefaultTimeout(15_000);
  await context.addCookies([{ name: 'session', value: 'alice', domain: HOST, path: '/', sameSite: 'Lax' }]);
  page = await context.newPage();
});

afterEach(async () => {
  await page.context().close();
  for (const proxy of proxies.splice(0)) await proxy.close();
});

interface Attack {
  /** What could be read of an answer; null if nothing. */
  readonly read: string | null;
  readonly posted: (number | null)[];
}

/** Reads, and discards in all ways that a script has: as the page does, and as forms can. */
function attack(frame: Page | Frame, api: string, deliveryId: string): Promise<Attack> {
  return frame.evaluate(
    async ([base, target]) => {
      const ask = (path: string, init: RequestInit) =>
        fetch(`${base}/${path}`, { credentials: 'include', ...init }).catch(() => null);
      const list = await ask('deliveries', {});
      const read = list?.ok ? await list.text() : null;
      const posted: (number | null)[] = [];
      const ways: Record<string, string>[] = [
        { 'Content-Type': 'application/json', 'X-Inbox-Request': '1' },
        { 'Content-Type': 'text/plain' },
        { 'Content-Type': 'application/x-www-form-urlencoded' },
      ];
      for (const headers of ways) {
        const response = await ask(`deliveries/${target}/discard`, { method: 'POST', headers, body: '{}' });
        posted.push(response?.ok ? response.status : null);
      }
      await ask(`deliveries/${target}/discard`, { method: 'POST', mode: 'no-cors', body: '{}' });
      return { read, posted };
    },
    [api, deliveryId] as const,
  );
}

async function state(): Promise<string | undefined> {
  return (await app.inbox.find({ sessionId }))?.state;
}

const refused: Attack = { read: null, posted: [null, null, null] };
const apiOf = (origin: string) => `${origin}${PATH}/api`;

describe('a page of another origin reads nothing and does nothing', () => {
  it.each([
    ['a sibling sub-domain', 'evil.example.test'],
    ['another port of the same name', HOST],
    ['another site', 'evil.test'],
    ['the address of this machine', '127.0.0.1'],
  ])('%s', async (_, name) => {
    await page.goto(`http://${name}:${foreignPort}/`);
    expect(await attack(page, apiOf(`http://${HOST}:${port}`), id)).toEqual(refused);
    expect(await state()).toBe('pending');
  });

  it('a frame without an origin', async () => {
    await page.goto(`http://${HOST}:${foreignPort}/`);
    await page.evaluate(() => {
      const frame = document.createElement('iframe');
      frame.setAttribute('sandbox', 'allow-scripts');
      frame.srcdoc = '<!doctype html><title>Nowhere</title>';
      document.body.append(frame);
      return new Promise((loaded) => frame.addEventListener('load', loaded));
    });
    const frame = page.frames().at(-1);
    if (!frame) throw new Error('There is no frame');
    expect(await attack(frame, apiOf(`http://${HOST}:${port}`), id)).toEqual(refused);
    expect(await state()).toBe('pending');
  });

  it('a form, which takes the operator to the refusal', async () => {
    await page.goto(`http://evil.example.test:${foreignPort}/`);
    const arrived = page.waitForResponse((response) => response.url().endsWith('/discard'));
    await page.evaluate(
      (action) => {
        const form = document.createElement('form');
        Object.assign(form, { method: 'post', action, enctype: 'text/plain' });
        document.body.append(form);
        form.submit();
      },
      `${apiOf(`http://${HOST}:${port}`)}/deliveries/${id}/discard`,
    );
    expect((await arrived).status()).toBe(403);
    expect(await state()).toBe('pending');
  });
});

/** Reads a delivery and discards it; returns the state that it is in then. */
async function readAndDiscard(origin: string): Promise<string | undefined> {
  await page.goto(`${origin}${PATH}#/deliveries`);
  await page.locator('[data-row] [data-open]').first().click();
  await page.getByText('accountHolder').waitFor();
  expect(await page.content()).not.toContain(HOLDER);
  await page.getByRole('button', { name: 'Discard…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
  await page.getByRole('status').filter({ hasText: 'It is discarded.' }).waitFor();
  return state();
}

describe('the page itself', () => {
  it('could do all of that: the attack is one', async () => {
    const origin = `http://${HOST}:${port}`;
    await page.goto(`${origin}${PATH}#/rejections`);
    const { read, posted } = await attack(page, apiOf(origin), id);
    expect(read).toContain(id);
    expect(posted).toEqual([200, null, null]);
    expect(await state()).toBe('discarded');
  });

  it('reads and acts over HTTP, where browsers send no Sec-Fetch-Site', async () => {
    expect(await readAndDiscard(`http://${HOST}:${port}`)).toBe('discarded');
  });

  it('reads and acts over HTTPS that ends at a proxy', async () => {
    const proxy = await reverseProxy({ target: app.url, isTls: true });
    proxies.push(proxy);
    expect(await readAndDiscard(`https://${HOST}:${proxy.port}`)).toBe('discarded');
  });

  it('works behind a proxy that rewrites the path, compresses, and has a policy of its own', async () => {
    const headers = { 'content-security-policy': "script-src 'self'; object-src 'none'" };
    const proxy = await reverseProxy({ target: app.url, at: '/tools', headers });
    proxies.push(proxy);
    expect(await readAndDiscard(`http://${HOST}:${proxy.port}/tools`)).toBe('discarded');
  });
});
