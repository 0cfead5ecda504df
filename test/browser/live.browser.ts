import { beforeEach, describe, expect, it } from '@jest/globals';
import { newcomer, rows } from './fixtures/deliveries.js';
import { overview, wellOverview } from './fixtures/statistics.js';
import { NOW } from './fixtures/times.js';
import { session } from './fixtures/work.js';
import { answering, page as pageOf, refusing } from './support/fixture-routes.js';
import { visitedPage } from './support/visited-page.js';
import { until } from '../support/time/until.js';

const on = visitedPage();

/** Lets the page's clock run on, and awaits that it has asked again. */
async function nextPoll(path: string): Promise<void> {
  const before = on.server.asked(path);
  await until(`the page asks for ${path} again`, async () => {
    await on.page.clock.runFor(500);
    return on.server.asked(path) > before;
  });
}

function sessions(): Promise<(string | null)[]> {
  return on.page
    .locator('main [data-row] [data-open]')
    .evaluateAll((links) => links.map((link) => link.getAttribute('title')));
}

describe('a list of deliveries', () => {
  beforeEach(async () => {
    await on.visit('#/deliveries');
    await on.page.locator('[data-row]').first().waitFor();
  });

  it('changes its rows in place, and keeps focus and selection', async () => {
    const before = await sessions();
    const [processing] = rows;
    await on.page.locator('[data-row]').first().getByRole('checkbox').check();
    await on.page.locator('[data-row] [data-open]').first().focus();
    on.server.answer(
      'GET deliveries',
      answering('GET deliveries', pageOf([{ ...processing, state: 'completed' } as never, ...rows.slice(1)])),
    );
    await nextPoll('deliveries');
    await on.page.locator('[data-row]').first().locator('.badge.is-completed').waitFor();
    expect(await sessions()).toEqual(before);
    expect(await on.page.locator('[data-row]').first().getByRole('checkbox').isChecked()).toBe(true);
    expect(await on.page.evaluate(() => document.activeElement?.getAttribute('title'))).toBe(processing?.sessionId);
  });

  it('announces what is new, and inserts it only when asked', async () => {
    const before = await sessions();
    on.server.answer('GET deliveries', answering('GET deliveries', pageOf([newcomer, ...rows])));
    await nextPoll('deliveries');
    await on.page.getByRole('button', { name: 'Show 1 newer row' }).waitFor();
    expect(await sessions()).toEqual(before);
    await on.page.keyboard.press('n');
    await on.page.getByRole('button', { name: 'Show 1 newer row' }).waitFor({ state: 'detached' });
    expect(await sessions()).toEqual([newcomer.sessionId, ...before]);
  });

  it('keeps a row that no longer matches where it is, and says so', async () => {
    const before = await sessions();
    on.server.answer('GET deliveries', answering('GET deliveries', pageOf(rows.slice(1))));
    await nextPoll('deliveries');
    await on.page.getByText('Grey rows no longer match').waitFor();
    expect(await sessions()).toEqual(before);
  });

  it('says how far it looked, and searches further from there', async () => {
    const [processing, ...others] = rows;
    const answers = [pageOf([], false), pageOf([processing as never])];
    on.server.answer('GET deliveries', ({ query }) => ({ status: 200, body: answers[query.has('cursor') ? 1 : 0] }));
    await on.page.goto(`${on.server.url}#/deliveries?tenant=acme`);
    await on.page.getByText('Nothing found so far').waitFor();
    expect(others.length).toBeGreaterThan(0);
    await on.page.getByRole('button', { name: 'Search further' }).click();
    await on.page.locator('[data-row]').first().waitFor();
    expect(await sessions()).toEqual([processing?.sessionId]);
  });
});

describe('the list of actions', () => {
  it('leaves out the deliveries of bulk operations', async () => {
    const asked: (string | null)[] = [];
    on.server.answer('GET actions', ({ query }) => {
      asked.push(query.get('bulk'));
      return { status: 200, body: pageOf([]) };
    });
    await on.visit('#/actions');
    await on.page.getByLabel('Deliveries of bulk operations').selectOption('false');
    await until('the page asks without them', () => asked.includes('false'));
    expect(asked[0]).toBeNull();
  });
});

describe('polling', () => {
  it('keeps the last data while the server is away, and says since when', async () => {
    await on.visit('#/overview');
    await on.page.getByText('3,012', { exact: true }).waitFor();
    on.server.answer(
      'GET overview',
      refusing(503, { code: 'INBOX_UNAVAILABLE', message: 'The database does not answer.' }),
    );
    await nextPoll('overview');
    await on.page.getByText('Not up to date since 15:05:09: The database does not answer.').waitFor();
    expect(await on.page.getByText('3,012', { exact: true }).isVisible()).toBe(true);
    on.server.answer('GET overview', answering('GET overview', wellOverview));
    await on.page.getByRole('button', { name: 'Try again' }).click();
    await on.page.getByText('All is well.').waitFor();
    expect(await on.page.getByText('Not up to date').count()).toBe(0);
  });

  it('waits longer after each error', async () => {
    await on.visit('#/overview');
    await on.page.getByText('3,012', { exact: true }).waitFor();
    on.server.answer('GET overview', refusing(503, { code: 'INBOX_BUSY', message: 'Ask again later.' }));
    await nextPoll('overview');
    await on.page.getByText('Ask again later.').waitFor();
    const before = on.server.asked('overview');
    await on.page.clock.runFor(3_000);
    expect(on.server.asked('overview')).toBe(before);
    await nextPoll('overview');
    expect(on.server.asked('overview')).toBe(before + 1);
  });

  it('is never faster than the server allows, which is a pace to choose', async () => {
    on.server.answer('GET session', answering('GET session', { ...session, refresh: 10_000 }));
    await on.visit('#/overview');
    await on.page.getByText('3,012', { exact: true }).waitFor();
    const before = on.server.asked('overview');
    await on.page.clock.runFor(9_000);
    expect(on.server.asked('overview')).toBe(before);
    await nextPoll('overview');
    const pace = on.page.getByLabel('Refresh');
    expect(await pace.inputValue()).toBe('10');
    expect(await pace.locator('option').allTextContents()).toEqual(['every 10 s', 'every 15 s', 'every 60 s', 'off']);
  });

  it('stops while a dialog is open, and goes on after it', async () => {
    await on.visit('#/overview');
    await on.page.getByText('3,012', { exact: true }).waitFor();
    await on.page.keyboard.press('?');
    await on.page.getByRole('dialog').waitFor();
    const before = on.server.asked('overview');
    await on.page.clock.runFor(30_000);
    expect(on.server.asked('overview')).toBe(before);
    await on.page.keyboard.press('Escape');
    await nextPoll('overview');
  });

  it('stops when it is switched off, and . asks once', async () => {
    await on.visit('#/overview');
    await on.page.getByText('3,012', { exact: true }).waitFor();
    await on.page.getByLabel('Refresh').selectOption('0');
    const before = on.server.asked('overview');
    await on.page.clock.runFor(60_000);
    const after = on.server.asked('overview');
    expect(after - before).toBeLessThanOrEqual(1); // the change itself asks
    await on.page.getByRole('heading', { level: 1 }).focus();
    await on.page.keyboard.press('.');
    await until('the page asks once more', () => on.server.asked('overview') > after);
  });

  it('has the number of each problem, and leads on', async () => {
    await on.visit('#/overview');
    const list = on.page.getByRole('list', { name: 'Problems' });
    await list.getByText('(4 min)').waitFor();
    await list.getByText('(3,012)').waitFor();
    const links = list.getByRole('link');
    expect(await links.evaluateAll((all) => all.map((link) => link.getAttribute('href')))).toEqual([
      '#/deliveries?state=pending&sort=due',
      '#/dead',
    ]);
  });

  it('tells of a problem that is new, and of no other', async () => {
    on.server.answer(
      'GET overview',
      answering('GET overview', { ...overview, problems: overview.problems.slice(0, 1) }),
    );
    await on.visit('#/overview');
    await on.page.getByText('backlog').waitFor();
    expect(await on.page.getByRole('status').textContent()).toBe('');
    on.server.answer('GET overview', answering('GET overview', overview));
    await nextPoll('overview');
    await on.page.getByRole('status').filter({ hasText: 'Deliveries are dead.' }).waitFor();
  });

  it('counts ages by the clock of the database, not by the one of the viewer', async () => {
    await on.visit('#/deliveries', NOW + 5 * 3_600_000);
    await on.page.locator('[data-row]').first().getByText('3 min ago').waitFor();
    expect(await on.page.getByText('5 h 3 min ago').count()).toBe(0);
  });
});
