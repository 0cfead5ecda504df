import { until } from '../../support/time/until.js';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { sharedHost } from '../../support/app/fresh-host.js';
import { RememberEvents } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { SECRET, webhookApp, type Answer } from '../../support/app/webhook-app.js';

const ACKNOWLEDGED = [200, '{"received":true}'];
/** Of every instance in a test. */
const remembered = new RememberEvents();
const seen = remembered.events;

beforeEach(() => {
  seen.length = 0;
});

describe.each(databases)('concurrent deliveries, on %s', (kind) => {
  const host = sharedHost(kind, (a) => a.withHandlers({ provide: RememberEvents, useValue: remembered }));
  let beside: DataSource;

  beforeAll(async () => {
    beside = await host.database.connect();
  });

  it('become one delivery and one handler call when they are copies of one session', async () => {
    const body = payload();
    const begun = Date.now();
    const answers = await Promise.all(Array.from({ length: 50 }, () => host.app.post(body)));
    expect(outcomes(answers)).toEqual(answers.map(() => ACKNOWLEDGED));
    const delivery = await until('every copy is counted', async () => {
      const completed = await host.app.delivery(body.sessionId, 'completed');
      return completed.duplicates === 49 ? completed : null;
    });
    // To the second; any of the copies may be the one that is recorded.
    expect(delivery.lastDuplicateAt).toBeGreaterThan(begun - 1_000);
    expect(await rowsOf(body.sessionId)).toHaveLength(1);
    expect(seen.map(({ sessionId }) => sessionId)).toEqual([body.sessionId]);
  });

  it('become one delivery per session when they are copies of many sessions', async () => {
    const bodies = Array.from({ length: 20 }, () => payload());
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => bodies).flatMap((all) => all.map((b) => host.app.post(b))),
    );
    expect(outcomes(answers)).toEqual(answers.map(() => ACKNOWLEDGED));
    for (const { sessionId } of bodies) {
      const { id } = await host.app.delivery(sessionId, 'completed');
      await until('its duplicates are counted', async () => (await host.app.inbox.find(id))?.duplicates === 19);
      expect(await rowsOf(sessionId)).toHaveLength(1);
      expect(seen.filter((event) => event.sessionId === sessionId)).toHaveLength(1);
    }
  });

  it('are counted as duplicates when they arrive later', async () => {
    const body = payload();
    await host.app.post(body);
    const { id } = await host.app.delivery(body.sessionId, 'completed');
    await Promise.all(Array.from({ length: 10 }, () => host.app.post(body)));
    await host.app.post(body);
    expect(await host.app.inbox.find(id)).toMatchObject({ duplicates: 11, state: 'completed' });
    expect(seen).toHaveLength(1);
  });

  it('become one delivery and conflicts when one session arrives with different contents', async () => {
    const { sessionId } = payload();
    const bodies = Array.from({ length: 10 }, (_, n) => payload({ sessionId, extractedData: { n } }));
    const answers = await Promise.all(bodies.map((body) => host.app.post(body)));
    expect(outcomes(answers)).toEqual(bodies.map(() => ACKNOWLEDGED));
    const accepted = await host.app.delivery(sessionId, 'completed');
    const rejections = await conflictsOf(sessionId);
    expect(
      rejections
        .map(({ rawBody }) => rawBody)
        .concat(accepted.rawBody)
        .toSorted(),
    ).toEqual(bodies.map((body) => JSON.stringify(body)).toSorted());
    expect(rejections.map(({ detail }) => detail)).toEqual(rejections.map(() => accepted.idempotencyKey));
    expect(accepted.duplicates).toBe(0);
    expect(seen.map(({ extractedData }) => extractedData)).toEqual([
      JSON.parse(String(accepted.rawBody)).extractedData,
    ]);
    expect(host.app.logger.matching(/^WARN .*kept as rejections \(conflict\)/)).not.toEqual([]);
  });

  it('are counted with their own content when copies of two contents are mixed', async () => {
    const { sessionId } = payload();
    const [one, other] = ['one', 'other'].map((proofHash) => payload({ sessionId, proofHash }));
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => host.app.post(n % 3 === 0 ? one : other)));
    expect(outcomes(answers)).toEqual(answers.map(() => ACKNOWLEDGED));
    const delivery = await host.app.delivery(sessionId, 'completed');
    const [conflict, ...others] = await conflictsOf(sessionId);
    expect(others).toEqual([]);
    const isOne = delivery.rawBody === JSON.stringify(one);
    expect(delivery.duplicates).toBe(isOne ? 3 : 7);
    expect(conflict).toMatchObject({ rawBody: JSON.stringify(isOne ? other : one), repeats: isOne ? 7 : 3 });
  });

  it('become deliveries of their own when their sessions differ only in what a collation ignores', async () => {
    const alike = [
      'AbC1',
      'aBc1',
      'abc1',
      'é1',
      'e1',
      'e\u03011',
      'E1',
      'sp',
      'sp ',
      ' sp',
      'ß',
      'ss',
      'i',
      'İ',
      '\uFF49',
    ];
    const answers = await Promise.all(alike.map((sessionId) => host.app.post(payload({ sessionId }))));
    expect(outcomes(answers)).toEqual(alike.map(() => ACKNOWLEDGED));
    for (const sessionId of alike)
      expect(await host.app.delivery(sessionId, 'completed')).toMatchObject({ sessionId, duplicates: 0 });
    expect(seen.map(({ sessionId }) => sessionId).toSorted()).toEqual(alike.toSorted());
    expect((await host.app.rejections()).filter(({ sessionId }) => alike.includes(String(sessionId)))).toEqual([]);
  });

  it('become one delivery and one handler call when the copies arrive at two instances', async () => {
    const other = await webhookApp(host.database)
      .withHandlers({ provide: RememberEvents, useValue: remembered })
      .start();
    try {
      const bodies = Array.from({ length: 5 }, () => payload());
      const posts = bodies.flatMap((body) =>
        Array.from({ length: 10 }, (_, n) => [host.app, other][n % 2]?.post(body)),
      );
      const answers = (await Promise.all(posts)).filter((answer) => answer !== undefined);
      expect(outcomes(answers)).toEqual(Array.from({ length: 50 }, () => ACKNOWLEDGED));
      for (const { sessionId } of bodies) {
        await host.app.delivery(sessionId, 'completed');
        await until(
          'its duplicates are counted',
          async () => (await host.app.delivery(sessionId, 'completed')).duplicates === 9,
        );
        expect(seen.filter((event) => event.sessionId === sessionId)).toHaveLength(1);
      }
    } finally {
      await other.stop();
    }
  });

  async function conflictsOf(sessionId: unknown) {
    const rejections = await host.app.rejections({ reason: 'conflict' });
    return rejections.filter((rejection) => rejection.sessionId === sessionId);
  }

  function rowsOf(sessionId: unknown): Promise<unknown[]> {
    return beside.query(`SELECT id FROM cr3dentials_webhook_delivery WHERE session_id = '${String(sessionId)}'`);
  }
});

describe.each(databases)('deliveries of several tenants, on %s', (kind) => {
  const host = sharedHost(kind, (a) =>
    a.withHandlers({ provide: RememberEvents, useValue: remembered }).withOptions({
      path: 'webhook/:tenant',
      auth: { resolveSecrets: ({ params }) => ({ tenant: String(params.tenant), secrets: [SECRET] }) },
    }),
  );

  it('are separate for each tenant, whatever another tenant sends for the same session', async () => {
    const { sessionId } = payload();
    const contents = { north: payload({ sessionId }), North: payload({ sessionId, status: 'ERROR' }) };
    const answers = await Promise.all(
      Object.entries(contents).flatMap(([tenant, body]) =>
        [1, 2].map(() => host.app.post(body, { path: `/webhook/${tenant}` })),
      ),
    );
    expect(outcomes(answers)).toEqual(answers.map(() => ACKNOWLEDGED));
    for (const [tenant, { status }] of Object.entries(contents)) {
      const delivery = await host.app.delivery(sessionId, 'completed', tenant);
      expect(delivery).toMatchObject({ tenant, sessionId, status, duplicates: 1 });
    }
    expect(await host.app.inbox.find({ sessionId: String(sessionId) })).toBeNull();
    expect(await host.app.rejections()).toEqual([]);
    expect(seen.map(({ status }) => status).toSorted()).toEqual(['COMPLETED', 'ERROR']);
  });

  it('conflict only within one tenant', async () => {
    const { sessionId } = payload();
    await host.app.post(payload({ sessionId }), { path: '/webhook/east' });
    await host.app.post(payload({ sessionId, proofHash: 'another' }), { path: '/webhook/west' });
    await host.app.post(payload({ sessionId, proofHash: 'a third' }), { path: '/webhook/west' });
    const rejections = await host.app.rejections({ reason: 'conflict' });
    expect(rejections.map(({ tenant, sessionId: session }) => [tenant, session])).toEqual([['west', sessionId]]);
  });
});

function outcomes(answers: Answer[]): unknown[] {
  return answers.map(({ status, body }) => [status, body]);
}
