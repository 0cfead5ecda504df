import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import type axe from 'axe-core';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Starts Chromium: that of `CHROMIUM_PATH`, or Debian's. A missing one fails the tests. */
export async function startChromium(args: readonly string[] = []): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  try {
    return await chromium.launch({ executablePath, args: ['--no-sandbox', ...args] });
  } catch (cause) {
    throw new Error(`Chromium does not start. Install it (apt-get install chromium), or set CHROMIUM_PATH.`, { cause });
  }
}

/** A page of the browser, and what went wrong in it. */
export interface Opened {
  readonly page: Page;
  /** Violations of the Content Security Policy, Trusted Types included. */
  violations(): Promise<string[]>;
  /** Errors that nobody caught, and messages of the console of that level. */
  readonly errors: readonly string[];
  /** Addresses that were asked for, outside the page's origin. */
  readonly outside: readonly string[];
  /** Bodies of the answers of the API. */
  readonly answers: readonly string[];
}

declare global {
  interface Window {
    violations: string[];
    axe: typeof axe;
  }
}

interface Options extends BrowserContextOptions {
  /** Time that the page's clock begins with. */
  readonly now?: number;
}

/** Opens an address in a context of its own. */
export async function open(browser: Browser, url: string, { now, ...options }: Options = {}): Promise<Opened> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors: string[] = [];
  const outside: string[] = [];
  const answers: string[] = [];
  const { origin } = new URL(url);
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('request', (request) => {
    const address = request.url();
    if (!address.startsWith(origin) && !address.startsWith('data:')) outside.push(address);
  });
  page.on('response', (response) => {
    // A body that the browser has thrown away was not shown either.
    if (response.url().includes('/api/')) {
      void response.text().then(
        (text) => answers.push(text),
        () => undefined,
      );
    }
  });
  await context.addInitScript(() => {
    window.violations = [];
    addEventListener('securitypolicyviolation', (event) =>
      window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
    );
  });
  if (now !== undefined) await page.clock.install({ time: now });
  await page.goto(url);
  return { page, violations: () => page.evaluate(() => window.violations), errors, outside, answers };
}

/** Returns what axe finds against WCAG 2.0 to 2.2, A and AA. */
export async function accessibilityViolations(page: Page): Promise<string[]> {
  // The driver evaluates it, past the policy of the page.
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    const { violations } = await window.axe.run(document, { runOnly: { type: 'tag', values: tags } });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`),
    );
  });
}
