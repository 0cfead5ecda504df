import { describe, expect, it } from '@jest/globals';
import { revealedText, rows } from './fixtures/deliveries.js';
import { errors } from './fixtures/statistics.js';
import { MINUTE, NOW } from './fixtures/times.js';
import { rejections, session } from './fixtures/work.js';
import { answering, page as pageOf, refusing } from './support/fixture-routes.js';
import { visitedPage } from './support/visited-page.js';

const dead = rows.find(({ state }) => state === 'dead');
const LONG_NUMBER = '90071992547409931234';

const on = visitedPage();

async function reveal(): Promise<void> {
  await on.visit(`#/deliveries/${dead?.id}`);
  await on.page.getByRole('button', { name: 'Reveal contents…' }).click();
  await on.page.getByRole('dialog').getByLabel('Reason').fill('Ticket 4711');
  await on.page.getByRole('dialog').getByRole('button', { name: 'Reveal' }).click();
  await on.page.getByText(LONG_NUMBER).waitFor();
}

describe('an act that the server refuses', () => {
  it('is told in the dialog, and the page stays', async () => {
    await on.visit(`#/deliveries/${dead?.id}`);
    const message = 'A worker is processing it. Try again in a moment.';
    on.server.answer('POST deliveries/*/replay', refusing(409, { code: 'BUSY', message, now: NOW, row: dead }));
    await on.page.getByRole('button', { name: 'Replay…' }).click();
    await on.page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    await on.page.getByRole('alert').filter({ hasText: message }).waitFor();
    expect(await on.page.getByText('What happened').isVisible()).toBe(true);
  });

  it('does not end the others of a selection', async () => {
    await on.visit('#/deliveries?state=dead');
    on.server.answer('POST deliveries/*/discard', ({ path }) =>
      path.includes(dead?.id ?? '')
        ? { status: 409, body: { code: 'BUSY', message: 'A worker is processing it.', now: NOW, row: dead } }
        : { status: 200, body: { now: NOW, row: rows[6] } },
    );
    await on.page.getByRole('button', { name: 'Select the 2 shown' }).click();
    await on.page.getByRole('button', { name: 'Discard…' }).click();
    await on.page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
    await on.page
      .getByRole('status')
      .filter({ hasText: 'Discarded 1 delivery. 1 could not: A worker is processing it.' })
      .waitFor();
    expect(on.server.acts).toHaveLength(2);
  });
});

describe('a reveal', () => {
  it('needs a reason, and is not asked for without one', async () => {
    await on.visit(`#/deliveries/${dead?.id}`);
    await on.page.getByRole('button', { name: 'Reveal contents…' }).click();
    await on.page.getByRole('dialog').getByLabel('Reason').fill('no');
    await on.page.getByRole('dialog').getByRole('button', { name: 'Reveal' }).click();
    expect(await on.page.getByRole('dialog').isVisible()).toBe(true);
    expect(on.server.acts).toEqual([]);
  });

  it('shows long numbers exactly, and nowhere else than in its place', async () => {
    await reveal();
    expect(await on.page.getByRole('region', { name: 'Contents' }).textContent()).toContain(`"number": ${LONG_NUMBER}`);
    const kept = await on.page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, history.state]),
    );
    expect(kept).not.toContain('4711');
    expect(kept).not.toContain(LONG_NUMBER);
    expect(revealedText).toContain(LONG_NUMBER);
  });

  it('is hidden when its time is up', async () => {
    await reveal();
    await on.page.clock.runFor(61_000);
    await on.page.getByText('Values are masked').waitFor();
    expect(await on.page.content()).not.toContain(LONG_NUMBER);
  });

  it('is kept longer on request, until the page is left', async () => {
    await reveal();
    await on.page.getByRole('button', { name: 'Keep shown' }).click();
    await on.page.clock.runFor(5 * MINUTE);
    expect(await on.page.getByText(LONG_NUMBER).isVisible()).toBe(true);
    await on.page.goto(`${on.server.url}#/overview`);
    await on.page.getByRole('heading', { name: 'Overview' }).waitFor();
    await on.page.goBack();
    await on.page.getByText('Values are masked').waitFor();
    expect(await on.page.content()).not.toContain(LONG_NUMBER);
  });

  it('is hidden when the page is', async () => {
    await reveal();
    await on.page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await on.page.getByText('Values are masked').waitFor();
    expect(await on.page.content()).not.toContain(LONG_NUMBER);
  });
});

describe('a bulk operation', () => {
  it('is started once its count is typed, with the token of what was shown', async () => {
    await on.visit('#/dead');
    await on.page.getByRole('button', { name: /^Replay… Ledger/ }).click();
    const dialog = on.page.getByRole('dialog', { name: 'Replay many deliveries' });
    await dialog.getByText('2,871 deliveries match').waitFor();
    await dialog.getByText('What comes to this state after 15:05:09 is not touched.').waitFor();
    const start = dialog.getByRole('button', { name: 'Replay 2,871' });
    expect(await start.isDisabled()).toBe(true);
    await dialog.getByLabel('Type 2,871 to confirm').fill('2870');
    expect(await start.isDisabled()).toBe(true);
    await dialog.getByLabel('Type 2,871 to confirm').fill('2,871');
    await dialog.getByLabel('Deliveries a second').fill('0.5');
    await start.click();
    await on.page.getByRole('status').filter({ hasText: 'Started with 2,871 deliveries.' }).waitFor();
    expect(on.server.acts.map(({ path, body }) => ({ path, body }))).toEqual([
      {
        path: 'bulk/preview',
        body: {
          action: 'replay',
          conditions: {
            state: 'dead',
            handler: 'ledger.book',
            error: 'ledger did not answer within',
            reason: 'handler',
          },
        },
      },
      { path: 'bulk', body: { token: 'token-of-the-preview', expected: 2_871, rate: 0.5 } },
    ]);
  });

  it.each(['Replay', 'Discard'] as const)('to %s all that match is of the filters of the list', async (act) => {
    await on.visit('#/deliveries?state=dead&platform=3&reason=handler&error=ledger&tenant=acme');
    await on.page.getByRole('link', { name: `${act} all that match…` }).click();
    await on.page.getByRole('dialog', { name: `${act} many deliveries` }).waitFor();
    await on.page.getByText('2,871 deliveries match').waitFor();
    const conditions = { state: 'dead', platformId: 3, reason: 'handler', error: 'ledger', tenant: 'acme' };
    expect(on.server.acts.map(({ body }) => body)).toEqual([{ action: act.toLowerCase(), conditions }]);
  });

  it.each([
    ['state=completed', []],
    ['state=processing', []],
    ['state=discarded', ['Replay all that match…']],
    ['state=pending', []],
    ['state=pending&from=0', ['Replay all that match…', 'Discard all that match…']],
  ])('is offered for %s as far as one can select it', async (filters, offered) => {
    on.server.answer('GET deliveries', answering('GET deliveries', pageOf(rows)));
    await on.visit(`#/deliveries?${filters}`);
    await on.page.getByRole('button', { name: /^Select the/ }).waitFor();
    expect(await on.page.getByRole('link', { name: /all that match/ }).allTextContents()).toEqual(offered);
  });

  it('of an address with a filter that it does not know asks for nothing', async () => {
    await on.visit('#/dead?state=dead&colour=red&preview=replay');
    await on.page.getByRole('button', { name: /^Replay… Ledger/ }).waitFor();
    expect(on.server.acts).toEqual([]);
  });

  it('on deaths without an error is on those of their reason, and says when the number differs', async () => {
    await on.visit('#/dead');
    await on.page.getByRole('button', { name: 'Replay… Workers crashed while they processed it.' }).click();
    await on.page.getByText('The group counted 3, these conditions match 2,871').waitFor();
    expect(on.server.acts.map(({ body }) => body)).toEqual([
      { action: 'replay', conditions: { state: 'dead', reason: 'crash-loop' } },
    ]);
  });

  it('is not offered on a group that no condition tells from others', async () => {
    const groups = errors.groups.map((group) => ({ ...group, handler: 'ledger.book', search: null }));
    on.server.answer('GET errors', answering('GET errors', { ...errors, groups }));
    await on.visit('#/dead');
    await on.page.getByText('Its errors have no text that tells them from others.').first().waitFor();
    expect(await on.page.getByRole('button', { name: /^(Replay|Discard)… / }).count()).toBe(2); // of the other reason
  });

  it('that changed since the preview says so, and starts nothing', async () => {
    await on.visit('#/dead');
    const message = 'The deliveries are others by now. Look at them again.';
    on.server.answer('POST bulk', refusing(409, { code: 'PREVIEW_OUTDATED', message }));
    await on.page.getByRole('button', { name: /^Discard… Ledger/ }).click();
    await on.page.getByLabel('Type 2,871 to confirm').fill('2871');
    await on.page.getByRole('button', { name: 'Discard 2,871' }).click();
    await on.page.getByRole('alert').filter({ hasText: message }).waitFor();
    expect(await on.page.getByRole('dialog').isVisible()).toBe(true);
  });

  it('is paused, resumed and cancelled by whoever may', async () => {
    await on.visit('#/dead');
    await on.page.getByRole('button', { name: 'Pause' }).click();
    await on.page.getByRole('status').filter({ hasText: 'It is paused.' }).waitFor();
    await on.page.getByText('23 of 50 died again').waitFor();
    await on.page.getByRole('button', { name: 'Resume' }).click();
    await on.page.getByRole('status').filter({ hasText: 'It goes on.' }).waitFor();
    expect(on.server.acts.map(({ path }) => path.split('/').at(-1))).toEqual(['pause', 'resume']);
  });
});

describe('a rejection', () => {
  it('is accepted after what that means is said', async () => {
    await on.visit(`#/rejections/${rejections[0]?.id}`);
    await on.page.getByRole('button', { name: 'Accept…' }).click();
    await on.page.getByRole('dialog').getByText('Every handler runs again, transactional ones too.').waitFor();
    await on.page.getByRole('dialog').getByRole('button', { name: 'Accept' }).click();
    await on.page.getByRole('status').filter({ hasText: 'It is accepted' }).waitFor();
    expect(on.server.acts.map(({ path, headers }) => [path, headers['x-inbox-request']])).toEqual([
      [`rejections/${rejections[0]?.id}/accept`, '1'],
    ]);
  });
});

describe('a link to a reveal of a rejection', () => {
  it('leads to the rejection', async () => {
    on.server.answer('GET deliveries/*', refusing(404, { code: 'NOT_FOUND', message: 'There is no such delivery.' }));
    await on.visit(`#/deliveries/${rejections[0]?.id}`);
    await on.page.getByRole('heading', { name: 'Rejection', level: 1 }).waitFor();
    expect(new URL(on.page.url()).hash).toBe(`#/rejections/${rejections[0]?.id}`);
  });
});

describe('an operator of several tenants', () => {
  it('acts on the dead letters of the one that is chosen', async () => {
    on.server.answer('GET session', answering('GET session', { ...session, tenants: ['acme', 'globex'] }));
    const asked: (string | null)[] = [];
    on.server.answer('GET errors', ({ query }) => {
      asked.push(query.get('tenant'));
      return { status: 200, body: errors };
    });
    await on.visit('#/dead');
    await on.page.getByText('Choose a tenant: a bulk operation is of one.').waitFor();
    expect(await on.page.getByRole('button', { name: /^(Replay|Discard)…/ }).count()).toBe(0);
    await on.page.getByLabel('Tenant').selectOption('globex');
    await on.page.getByRole('button', { name: /^Discard… Ledger/ }).click();
    await on.page.getByText('2,871 deliveries match').waitFor();
    expect([asked[0], asked.at(-1)]).toEqual([null, 'globex']);
    expect(on.server.acts.map(({ body }) => body)).toMatchObject([{ conditions: { tenant: 'globex', state: 'dead' } }]);
  });

  it('is led to all that match only with a tenant', async () => {
    on.server.answer('GET session', answering('GET session', { ...session, tenants: ['acme', 'globex'] }));
    await on.visit('#/deliveries?state=dead');
    await on.page.getByRole('button', { name: /^Select the/ }).waitFor();
    expect(await on.page.getByRole('link', { name: /all that match/ }).count()).toBe(0);
    await on.page.goto(`${on.server.url}#/deliveries?state=dead&tenant=acme`);
    await on.page.getByRole('link', { name: 'Replay all that match…' }).waitFor();
  });
});

describe('an operator who may only look', () => {
  it('is offered nothing that acts, by button or key', async () => {
    on.server.answer('GET session', answering('GET session', { ...session, permissions: ['look'] }));
    await on.visit(`#/deliveries/${dead?.id}`);
    await on.page.getByText('Nothing can be done with it').waitFor();
    for (const key of ['R', 'D', 'V']) await on.page.keyboard.press(key);
    expect(await on.page.getByRole('dialog').count()).toBe(0);
    expect(await on.page.getByRole('button', { name: /Run again/ }).count()).toBe(0);
    await on.page.goto(`${on.server.url}#/dead?preview=replay&handler=ledger.book`);
    await on.page.getByRole('link', { name: /LedgerTimeoutError/ }).waitFor();
    expect(await on.page.getByRole('button', { name: /Replay|Discard|Pause/ }).count()).toBe(0);
    expect(on.server.acts).toEqual([]);
  });

  it('of some tenants has no page of the whole inbox', async () => {
    on.server.answer('GET session', answering('GET session', { ...session, tenants: ['acme'] }));
    await on.visit('');
    await on.page.getByRole('heading', { name: 'Deliveries', level: 1 }).waitFor();
    const menu = await on.page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents();
    expect(menu).toEqual(['Deliveries', 'Dead letters', 'Rejections']);
    expect(on.server.asked('overview')).toBe(0);
  });
});
