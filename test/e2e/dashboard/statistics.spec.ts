import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { OnVerification, PermanentError } from 'nestjs-cr3dentials-webhook';
import type { TallyAnswer } from '../../../src/dashboard/api/contract/statistics.js';
import { InstanceReporter } from '../../../src/instance-reports/instance.reporter.js';
import { InboxSearch } from '../../../src/operations/inbox.search.js';
import type { TallyCounter } from '../../../src/operations/tally.view.js';
import { SECRET } from '../../support/app/canaries.js';
import { sharedHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms } from '../../support/app/webhook-app.js';
import { demandContract, haveType } from '../../support/dashboard/contract-check.js';
import { as, ask, dashboard, type Asked, type Got } from '../../support/dashboard/dashboard-app.js';
import { databases, urlOf } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

const MINUTE_MS = 60_000;

class FailForGood {
  private lines = 0;

  @OnVerification({ id: 'fail' })
  handle(): never {
    throw new PermanentError(`line ${++this.lines} of the ledger is closed`);
  }
}

describe.each(databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const)))(
  'what is counted and watched, on %s and %s',
  (kind, platform) => {
    const host = sharedHost(kind, (a) =>
      a
        .on(platform)
        .importing(dashboard({ refresh: 500 }))
        .withHandlers(FailForGood),
    );

    async function get(path: string, type: string, asked: Asked = {}): Promise<Got> {
      const got = await ask(host.app, `/api/${path}`, as('alice', asked));
      expect(got.text).not.toContain(SECRET);
      haveType(type, got.text);
      return got;
    }

    async function die(): Promise<void> {
      const body = payload();
      await host.app.post(body);
      await host.app.delivery(body.sessionId, 'dead');
    }

    afterAll(demandContract);

    it('has problems with remedies, and numbers, without a list of deliveries', async () => {
      const lists = jest.spyOn(host.app.nest.get(InboxSearch, { strict: false }), 'deliveries');
      await die();
      const { body, headers } = await until('the dead letter is counted', async () => {
        const got = await get('overview', 'Overview');
        return (got.body as { numbers: { dead: number } }).numbers.dead > 0 ? got : undefined;
      });
      expect(body).toMatchObject({
        problems: expect.arrayContaining([
          expect.objectContaining({ code: 'dead-letters', severity: 'degraded', remedy: expect.any(String) }),
        ]),
        numbers: {
          pending: 0,
          lastReceivedAt: (await host.app.inbox.list({ limit: 1 }))[0]?.receivedAt,
          openRejections: 0,
        },
      });
      expect(lists).not.toHaveBeenCalled();
      lists.mockRestore();
      expect(headers.etag).toMatch(/^"[\da-f]{32}"$/);
    });

    it('is read from the database once for all who look, and answers 304 to who knows it', async () => {
      const problems = jest.spyOn(host.app.inbox.monitor, 'problems');
      const all = await Promise.all(Array.from({ length: 20 }, () => ask(host.app, '/api/overview', as('alice'))));
      expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
      expect(problems.mock.calls.length).toBeLessThanOrEqual(1);
      problems.mockRestore();
      const known = { 'if-none-match': String(all[0]?.headers.etag) };
      const again = await ask(host.app, '/api/overview', as('alice', { headers: known }));
      expect([again.status, again.text]).toEqual([304, '']);
    });

    /** The last hour, as far as it is counted by now. */
    async function tallies(): Promise<TallyAnswer> {
      await host.app.nest.get(InstanceReporter, { strict: false }).write();
      const now = Date.now();
      const { body } = await get(`tallies?from=${now - 60 * MINUTE_MS}&to=${now}&step=${MINUTE_MS}`, 'TallyAnswer');
      return body as TallyAnswer;
    }

    it('has numbers over time, each in its minute', async () => {
      const before = await tallies();
      const begunAt = Date.now();
      await die();
      const after = await until('it is counted', async () => {
        const answer = await tallies();
        return sumOf('dead', answer) > sumOf('dead', before) ? answer : undefined;
      });
      for (const name of ['accepted', 'dead'] as const) expect(sumOf(name, after)).toBe(sumOf(name, before) + 1);
      const { points, from, to, step } = after;
      expect([step, points.length === 60 || points.length === 61]).toEqual([MINUTE_MS, true]);
      expect(points.map(({ at }) => at)).toEqual(Array.from({ length: (to - from) / step }, (_, n) => from + n * step));
      const last = points.findLast(({ counts }) => counts.dead);
      expect(last?.at).toBeGreaterThan(begunAt - MINUTE_MS);
      expect(last?.at).toBeLessThanOrEqual(Date.now());
    });

    it('refuses numbers without a begin, and too many points', async () => {
      const refused = await get('tallies', 'ErrorAnswer');
      expect([refused.status, refused.body]).toMatchObject([400, { code: 'FILTER_INVALID' }]);
      expect((await get('tallies?from=0&step=60000', 'ErrorAnswer')).status).toBe(400); // too many points
    });

    it('groups errors but for what varies', async () => {
      await die();
      await die();
      const { body } = await until('they are grouped', async () => {
        const got = await ask(host.app, '/api/errors', as('alice'));
        const found = (got.body as { groups: { count: number }[] }).groups;
        return found.reduce((sum, { count }) => sum + count, 0) >= 2 ? got : undefined;
      });
      const { groups } = body as { groups: { handler: string; error: string; count: number }[] };
      expect(groups).toMatchObject([{ handler: 'fail', error: 'PermanentError: line # of the ledger is closed' }]);
      expect((await get('errors?handler=fail&state=dead', 'ErrorListing')).status).toBe(200);
      const restricted = await ask(host.app, '/api/errors', as('both'));
      expect(restricted.body).toMatchObject({ groups: [], deliveries: 0 });
    });

    it('lists handlers, instances, secrets and settings, without a secret or an address', async () => {
      const { body: instances } = await until('the instance has written of itself', async () => {
        const got = await get('instances', 'InstanceListing');
        return (got.body as { items: unknown[] }).items.length > 0 ? got : undefined;
      });
      expect(instances).toMatchObject({ items: [{ state: 'live', processes: true }], differences: [] });
      expect((await get('handlers', 'HandlerListing')).body).toMatchObject({
        items: [{ id: 'fail', recent: { runs: expect.any(Number) } }],
      });
      expect((await get('secrets', 'SecretListing')).body).toMatchObject({ items: [{ id: 'secrets[0]' }] });
      const settings = await get('settings', 'SettingListing');
      const { items } = settings.body as { items: { name: string; default: string | null }[] };
      const defaults = new Map(items.map((item) => [item.name, item.default]));
      expect([defaults.get('processing.lease'), defaults.get('auth.header')]).toEqual(['30000', '"X-API-Key"']);
      expect(settings.text).not.toContain(urlOf(host.database));
    });
  },
);

function sumOf(name: TallyCounter, { points }: TallyAnswer): number {
  return points.reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0);
}
