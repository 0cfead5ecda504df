import { afterAll, describe, expect, it } from '@jest/globals';
import { OnVerification, PermanentError } from 'nestjs-cr3dentials-webhook';
import { randomUUID } from 'node:crypto';
import { sharedHost } from '../../support/app/fresh-host.js';
import { HOLDER } from '../../support/app/canaries.js';
import { payload } from '../../support/app/payload.js';
import { platforms } from '../../support/app/webhook-app.js';
import { demandContract, haveType, violationsOfContract } from '../../support/dashboard/contract-check.js';
import { as, ask, dashboard, type Asked, type Got } from '../../support/dashboard/dashboard-app.js';
import { databases } from '../../support/database/databases.js';

class FailWhenErrored {
  @OnVerification({ id: 'fail' })
  handle({ status }: { status: string }): void {
    if (status === 'ERROR') throw new PermanentError('the ledger is closed since 14:05');
  }
}

describe.each(databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const)))(
  'answers of the API, on %s and %s',
  (kind, platform) => {
    const host = sharedHost(kind, (a) => a.on(platform).importing(dashboard()).withHandlers(FailWhenErrored));

    /** Asks as an operator who may everything, and remembers the answer with its type. */
    async function get(path: string, type: string, asked: Asked = {}): Promise<Got> {
      const got = await ask(host.app, `/api/${path}`, as('alice', asked));
      haveType(type, got.text);
      return got;
    }

    async function died(): Promise<{ id: string; sessionId: string }> {
      const body = payload({ status: 'ERROR' });
      await host.app.post(body);
      const { id } = await host.app.delivery(body.sessionId, 'dead');
      return { id, sessionId: String(body.sessionId) };
    }

    afterAll(demandContract);

    it('are of the contract: the session', async () => {
      const { status, body } = await get('session', 'Session');
      expect({ status, body }).toMatchObject({
        status: 200,
        body: {
          operator: { id: 'alice@example.com', name: 'Alice' },
          handlers: ['fail'],
          tenants: null,
          webhook: { paths: ['/webhook/cr3dentials'], header: 'X-API-Key' },
        },
      });
    });

    it('are of the contract: lists, and the search for an identifier', async () => {
      const { id, sessionId } = await died();
      const list = await get('deliveries?state=dead&handler=fail&error=LEDGER', 'Page<DeliveryRow>');
      expect(list.body).toMatchObject({
        items: expect.arrayContaining([
          expect.objectContaining({
            id,
            state: 'dead',
            failure: expect.objectContaining({ handler: 'fail', error: expect.stringMatching(/ledger/) }),
          }),
        ]),
      });
      for (const value of [id, sessionId, 'user_abc123']) {
        const found = await get('find', 'FindAnswer', { body: { value } });
        expect((found.body as { deliveries: { id: string }[] }).deliveries.map((row) => row.id)).toContain(id);
      }
      expect((await get('deliveries?state=pending&sort=due', 'Page<DeliveryRow>')).status).toBe(200);
    });

    it('are of the contract: a delivery with what happened to it, decisions and what refuses them', async () => {
      const { id, sessionId } = await died();
      await host.app.post(payload({ sessionId, status: 'COMPLETED' })); // a conflict
      const replayed = await get(`deliveries/${id}/replay`, 'DeliveryAnswer', {
        body: { reason: 'the ledger is open' },
      });
      expect(replayed.body).toMatchObject({ row: { id, replays: 1 } });
      await host.app.delivery(sessionId, 'dead');
      expect((await get(`deliveries/${id}/discard`, 'DeliveryAnswer', { body: {} })).status).toBe(200);
      const acts = await get('actions', 'Page<ActionRow>');
      expect((acts.body as { items: unknown[] }).items.length).toBeGreaterThanOrEqual(2);
      const detail = await get(`deliveries/${id}`, 'DeliveryDetail');
      const {
        timeline,
        runs,
        payload: masked,
      } = detail.body as Record<string, never> & { timeline: { kind: string }[] };
      expect(timeline.map(({ kind: what }) => what)).toEqual(
        expect.arrayContaining(['received', 'attempt', 'conflict', 'action', 'ended']),
      );
      expect(runs).toMatchObject([{ handler: 'fail', state: 'dead', isSubscribed: true, isTransactional: false }]);
      expect(JSON.stringify(masked)).toContain('accountHolder');
      expect(detail.text).not.toContain(HOLDER);
      const completed = payload();
      await host.app.post(completed);
      const { id: other } = await host.app.delivery(completed.sessionId, 'completed');
      const refused = await get(`deliveries/${other}/replay`, 'ConflictAnswer<DeliveryRow>', { body: {} });
      expect([refused.status, refused.body]).toMatchObject([409, { code: 'COMPLETED', row: { id: other } }]);
      expect((await get(`deliveries/${randomUUID()}`, 'ErrorAnswer')).status).toBe(404);
    });

    it('are of the contract: rejections with their differences, and decisions on them', async () => {
      const { sessionId } = await died();
      await host.app.post(
        payload({ sessionId, status: 'COMPLETED', extractedData: { accountHolder: HOLDER, more: 1 } }),
      );
      const list = await get('rejections?reason=conflict', 'Page<RejectionRow>');
      const [{ id }] = (list.body as { items: { id: string }[] }).items as [{ id: string }];
      const detail = await get(`rejections/${id}`, 'RejectionDetail');
      expect(detail.body).toMatchObject({
        changes: expect.arrayContaining([
          {
            path: 'status',
            change: 'changed',
            before: { kind: 'shown', value: 'ERROR' },
            after: { kind: 'shown', value: 'COMPLETED' },
          },
          { path: 'extractedData.more', change: 'added' },
        ]),
      });
      expect(detail.text).not.toContain(HOLDER);
      expect((await get(`rejections/${id}/accept`, 'RejectionAnswer', { body: {} })).body).toMatchObject({
        result: 'accepted',
      });
      const again = await get(`rejections/${id}/discard`, 'ConflictAnswer<RejectionRow>', { body: {} });
      expect([again.status, again.body]).toMatchObject([409, { code: 'DECIDED', row: { state: 'accepted' } }]);
    });

    it('are of the contract: contents that are shown', async () => {
      const { id } = await died();
      const got = await ask(host.app, `/api/deliveries/${id}/reveal`, as('alice', { body: { reason: 'ticket 4711' } }));
      expect(got.body).toMatchObject({ payload: expect.stringContaining(HOLDER), standing: null });
      haveType('RevealAnswer', got.text);
      const [action] = await host.app.inbox.actions.list({ targetId: id });
      expect(action).toMatchObject({
        action: 'reveal',
        operator: 'alice@example.com',
        source: 'page',
        reason: 'ticket 4711',
      });
    });

    it('are of the contract: bulk operations', async () => {
      const { sessionId } = await died();
      const preview = await get('bulk/preview', 'BulkPreviewAnswer', {
        body: { action: 'discard', conditions: { state: 'dead', handler: 'fail' } },
      });
      const { token, count } = preview.body as { token: string; count: number };
      expect(count).toBeGreaterThan(0);
      const outdated = await ask(host.app, '/api/bulk', as('alice', { body: { token, expected: count + 1 } }));
      expect([outdated.status, outdated.body]).toMatchObject([409, { code: 'PREVIEW_OUTDATED' }]);
      const started = await get('bulk', 'BulkAnswer', { body: { token, expected: count, rate: 500 } });
      expect(started.status).toBe(202);
      await host.app.delivery(sessionId, 'discarded');
      const { id } = (started.body as { bulk: { id: string } }).bulk;
      expect((await get(`bulk/${id}`, 'BulkAnswer')).body).toMatchObject({ bulk: { operator: 'alice@example.com' } });
      expect((await get('bulk', 'BulkListing')).status).toBe(200);
      expect((await ask(host.app, '/api/bulk', as('alice', { body: { token: 'e30', expected: 1 } }))).status).toBe(410);
    });

    it('select by platform and by the reason of the death', async () => {
      const body = payload({ status: 'ERROR', platformId: 3 });
      await host.app.post(body);
      const { id } = await host.app.delivery(body.sessionId, 'dead');
      const conditions = { state: 'dead', platformId: 3, reason: 'handler' };
      const listed = await get('deliveries?state=dead&platform=3&reason=handler', 'Page<DeliveryRow>');
      expect(listed.body).toMatchObject({ items: [{ id }] });
      expect((await get('deliveries?state=dead&reason=unreadable', 'Page<DeliveryRow>')).body).toMatchObject({
        items: [],
      });
      for (const [wish, count] of [
        [conditions, 1],
        [{ ...conditions, reason: 'unreadable' }, 0],
        [{ ...conditions, platformId: 4 }, 0],
      ] as const) {
        const asked = { body: { action: 'replay', conditions: wish } };
        expect((await get('bulk/preview', 'BulkPreviewAnswer', asked)).body).toMatchObject({ count });
      }
    });

    it.each([
      ['deliveries?stat=dead', 'FILTER_INVALID'],
      ['deliveries?state=gone', 'FILTER_INVALID'],
      ['deliveries?error=x', 'FILTER_INVALID'],
      ['deliveries?state=dead&sort=due', 'FILTER_INVALID'],
      ['deliveries?limit=0', 'FILTER_INVALID'],
      ['deliveries?from=yesterday', 'FILTER_INVALID'],
      ['deliveries?cursor=abc', 'CURSOR_INVALID'],
      ['rejections?state=closed', 'FILTER_INVALID'],
    ])('refuse %s', async (path, code) => {
      const { status, body } = await get(path, 'ErrorAnswer');
      expect([status, body]).toMatchObject([400, { code, message: expect.any(String) }]);
    });

    it.each([
      ['find', {}],
      ['find', { value: 'x', more: 1 }],
      ['bulk/preview', { action: 'erase', conditions: { state: 'dead' } }],
      ['bulk/preview', { action: 'replay', conditions: {} }],
      ['bulk/preview', { action: 'replay', conditions: { state: 'dead', platformId: '3' } }],
      ['bulk/preview', { action: 'replay', conditions: { state: 'dead', reason: 'age' } }],
      ['bulk', { token: 'e30' }],
    ])('refuse a body of %s: %j', async (path, body) => {
      const got = await get(path, 'ErrorAnswer', { body });
      expect([400, 410]).toContain(got.status);
    });
  },
);

describe('the check of answers', () => {
  it('finds a field that is missing, ill-typed or not in the contract', () => {
    haveType('Searched', '{ "rows": 1, "backTo": null, "isEnd": true }');
    haveType('Searched', '{ "rows": 1, "backTo": null }');
    haveType('Searched', '{ "rows": "1", "backTo": null, "isEnd": true }');
    haveType('Searched', '{ "rows": 1, "backTo": null, "isEnd": true, "total": 5 }');
    expect(violationsOfContract()).toHaveLength(3);
  });
});
