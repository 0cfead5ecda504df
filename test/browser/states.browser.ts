import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { detailOf, rows } from './fixtures/deliveries.js';
import { errors, instances, secrets, talliesOf, wellOverview } from './fixtures/statistics.js';
import { MINUTE, NOW } from './fixtures/times.js';
import { accessibilityViolations, open, startChromium } from './support/browser.js';
import { answering, page as pageOf, refusing } from './support/fixture-routes.js';
import { fixtureServer, type FixtureServer } from './support/fixture-server.js';

const dead = rows.find(({ state }) => state === 'dead');
const PICTURES = process.env.PICTURES;

interface State {
  readonly address: string;
  /** What the server answers otherwise. */
  answers?(server: FixtureServer): void;
  /** What the operator does. */
  act?(page: Page): Promise<void>;
  /** Stands on the page then. */
  readonly shows: string | RegExp;
}

const button = (name: string | RegExp) => (page: Page) => page.getByRole('button', { name }).first().click();
const key = (name: string) => (page: Page) => page.keyboard.press(name);

/** What views look like that have nothing to show, cannot show it, or ask something. */
const states: Readonly<Record<string, State>> = {
  'an inbox that is well': {
    address: '#/overview',
    answers: (server) => server.answer('GET overview', answering('GET overview', wellOverview)),
    shows: 'All is well.',
  },
  'an overview whose counting has just begun': {
    address: '#/overview',
    answers: (server) =>
      server.answer('GET tallies', ({ query }) => {
        const [from, to, step] = ['from', 'to', 'step'].map((name) => Number(query.get(name)));
        const tallies = talliesOf('inbox', from ?? 0, to ?? 0, step ?? MINUTE);
        return { status: 200, body: { ...tallies, since: NOW - 3 * MINUTE } };
      }),
    shows: 'Counting began',
  },
  'an overview without a count': {
    address: '#/overview',
    answers: (server) =>
      server.answer('GET tallies', () => ({ status: 200, body: { ...talliesOf('inbox', 0, 0, MINUTE), since: null } })),
    shows: 'Nothing is counted yet.',
  },
  'an overview over a day, with its numbers': {
    address: '#/overview?span=day',
    act: (page) => page.getByText('Show the numbers').first().click(),
    shows: 'completed after a retry',
  },
  'no delivery yet': {
    address: '#/deliveries',
    answers: (server) => server.answer('GET deliveries', answering('GET deliveries', pageOf([]))),
    shows: 'No delivery has come yet',
  },
  'no delivery that matches': {
    address: '#/deliveries?state=unhandled&tenant=nobody',
    answers: (server) => server.answer('GET deliveries', answering('GET deliveries', pageOf([]))),
    shows: 'No delivery matches the filters.',
  },
  'columns to choose': {
    address: '#/deliveries',
    act: (page) => page.getByText('Columns', { exact: true }).first().click(),
    shows: 'Next attempt',
  },
  'a selection': {
    address: '#/deliveries',
    act: button('Select the 17 shown'),
    shows: '17 selected',
  },
  'a delivery that is erased': {
    address: `#/deliveries/${dead?.id}`,
    answers: (server) => {
      const erased = { ...rows[8], state: 'erased', contents: 'erased', sessionId: null, status: null } as never;
      server.answer(
        'GET deliveries/*',
        answering('GET deliveries/*', { ...detailOf(erased), payload: null, runs: [] }),
      );
    },
    shows: 'Its contents were erased.',
  },
  'a delivery that there is not': {
    address: '#/deliveries/nothing',
    answers: (server) => {
      const missing = refusing(404, { code: 'NOT_FOUND', message: 'There is no such delivery.' });
      for (const route of ['GET deliveries/*', 'GET rejections/*'] as const) server.answer(route, missing);
    },
    shows: 'There is no such delivery.',
  },
  'a replay that is asked for': { address: `#/deliveries/${dead?.id}`, act: button('Replay…'), shows: 'Replay this' },
  'a run that is asked for': { address: `#/deliveries/${dead?.id}`, act: button(/^Run again/), shows: 'transactional' },
  'a reveal that is asked for': { address: `#/deliveries/${dead?.id}`, act: button(/^Reveal/), shows: 'personal data' },
  'contents that are shown': {
    address: `#/deliveries/${dead?.id}`,
    act: async (page) => {
      await button(/^Reveal/)(page);
      await page.getByRole('dialog').getByLabel('Reason').fill('Ticket 4711');
      await page.getByRole('dialog').getByRole('button', { name: 'Reveal' }).click();
    },
    shows: 'Hidden again in',
  },
  'nothing dead': {
    address: '#/dead',
    answers: (server) => {
      server.answer('GET errors', answering('GET errors', { ...errors, groups: [], deliveries: 0 }));
      server.answer('GET bulk', answering('GET bulk', { now: NOW, items: [] }));
    },
    shows: 'Nothing is dead.',
  },
  'no rejection': {
    address: '#/rejections',
    answers: (server) => server.answer('GET rejections', answering('GET rejections', pageOf([]))),
    shows: /^No rejection is open\.$/,
  },
  'no handler': {
    address: '#/handlers',
    answers: (server) => server.answer('GET handlers', answering('GET handlers', { now: NOW, items: [] })),
    shows: 'No handler is subscribed.',
  },
  'no secret': {
    address: '#/secrets',
    answers: (server) => server.answer('GET secrets', answering('GET secrets', { ...secrets, items: [] })),
    shows: 'No secret was used yet.',
  },
  'no instance': {
    address: '#/instances',
    answers: (server) => {
      server.answer('GET instances', answering('GET instances', { ...instances, items: [], differences: [] }));
    },
    shows: 'No instance has been heard of yet.',
  },
  'no action': {
    address: '#/actions',
    answers: (server) => server.answer('GET actions', answering('GET actions', pageOf([]))),
    shows: 'Nobody has acted yet.',
  },
  'a server that does not answer': {
    address: '#/overview',
    answers: (server) => {
      const message = 'The database does not answer. Look at it, and try again.';
      server.answer('GET overview', refusing(503, { code: 'INBOX_UNAVAILABLE', message }));
    },
    shows: 'This could not be read: The database does not answer.',
  },
  'a view that is not allowed': {
    address: '#/secrets',
    answers: (server) =>
      server.answer('GET secrets', () => ({ status: 403, body: { message: 'Forbidden resource', statusCode: 403 } })),
    shows: 'You are not allowed to see this.',
  },
  'no such page': { address: '#/nowhere', shows: 'There is no page at this address.' },
  'the keys': { address: '#/overview', act: key('?'), shows: 'Use these keys' },
  'nothing found': {
    address: '#/overview',
    act: async (page) => {
      await page.getByRole('searchbox').fill('nothing');
      await page.keyboard.press('Enter');
    },
    shows: 'Parts of them are not searched.',
  },
};

let browser: Browser;
let server: FixtureServer;

beforeAll(async () => {
  browser = await startChromium();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  server = await fixtureServer();
});

afterEach(() => server.close());

describe.each(Object.entries(states))('%s', (name, { address, answers, act, shows }) => {
  it('says what to do, is accessible, and fits', async () => {
    answers?.(server);
    const { page, violations } = await open(browser, server.url + address, { now: NOW, colorScheme: 'dark' });
    await page.getByRole('heading', { level: 1 }).waitFor();
    await act?.(page);
    await page.getByText(shows).first().waitFor();
    for (const width of [1280, 320]) {
      await page.setViewportSize({ width, height: 800 });
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      const found = await accessibilityViolations(page);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect({ width, found, overflows: overflow > 0 }).toEqual({ width, found: [], overflows: false });
      if (PICTURES && PICTURES !== 'docs') {
        mkdirSync(PICTURES, { recursive: true });
        await page.screenshot({ path: `${PICTURES}/state ${name} ${width}.png` });
      }
    }
    expect(await violations()).toEqual([]);
    await page.context().close();
  });
});
