import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import type { DataSource } from 'typeorm';
import { databases, freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { SECRET, webhookApp, type Answer, type WebhookApp } from '../../support/app/webhook-app.js';

const ACKNOWLEDGED = [200, '{"received":true}'];
const seen: VerificationEvent[] = [];

@Injectable()
class Remember {
  @OnVerification()
  remember(event: VerificationEvent): void {
    seen.push(event);
  }
}

beforeEach(() => {
  seen.length = 0;
});

describe.each(databases)('concurrent deliveries, on %s', (kind) => {
  let database: TestDatabase;
  let app: WebhookApp;
  let beside: DataSource;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    app = await webhookApp(database).withHandlers(Remember).start();
    beside = await database.connect();
  });

  afterAll(async () => {
    await app?.stop();
    await database?.drop();
  });

  it('become one delivery and one handler call when they are copies of one session', async () => {
    const body = payload();
    const answers = await Promise.all(Array.from({ length: 50 }, () => app.post(body)));
    expect(outcomes(answers)).toEqual(answers.map(() => ACKNOWLEDGED));
    const delivery = await app.delivery(body.sessionId, 'completed');
    expect(delivery.duplicates).toBe(49);
    expect(delivery.lastDuplicateAt).toBeGreaterThanOrEqual(delivery.receivedAt);
    expect(await rowsOf(body.sessionId)).toHaveLength(1);
    expect(seen.map(({ sessionId }) => sessionId)).toEqual([body.sessionId]);
  });

  it('become one delivery per session when they are copies of many sessions', async () => {
    const bodies = Array.from({ length: 20 }, () => payload());
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => bodies).flatMap((all) => all.map((b) => app.post(b))),
    );
    expect(outcomes(answers)).toEqual(answers.map(() => ACKNOWLEDGED));
    for (const { sessionId } of bodies) {
      expect((await app.delivery(sessionId, 'completed')).duplicates).toBe(19);
      expect(await rowsOf(sessionId)).toHaveLength(1);
      expect(seen.filter((event) => event.sessionId === sessionId)).toHaveLength(1);
    }
  });

  it('are counted as duplicates when they arrive later', async () => {
    const body = payload();
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'completed');
    await Promise.all(Array.from({ length: 10 }, () => app.post(body)));
    await app.post(body);
    expect(await app.inbox.find(id)).toMatchObject({ duplicates: 11, state: 'completed' });
    expect(seen).toHaveLength(1);
  });

  it('become one delivery and conflicts when one session arrives with different contents', async () => {
    const { sessionId } = payload();
    const bodies = Array.from({ length: 10 }, (_, n) => payload({ sessionId, extractedData: { n } }));
    const answers = await Promise.all(bodies.map((body) => app.post(body)));
    expect(outcomes(answers)).toEqual(bodies.map(() => ACKNOWLEDGED));
    const accepted = await app.delivery(sessionId, 'completed');
    const rejections = await conflictsOf(sessionId);
    expect(
      rejections
        .map(({ rawBody }) => rawBody)
        .concat(accepted.rawBody)
        .toSorted(),
    ).toEqual(bodies.map((body) => JSON.stringify(body)).toSorted());
    expect(rejections.map(({ detail }) => detail)).toEqual(rejections.map(() => accepted.idempotencyKey));
    expect(accepted.duplicates).toBe(0);
    expect(seen.map(({ extractedData }) => extractedData)).toEqual([JSON.parse(accepted.rawBody).extractedData]);
    expect(app.logger.matching(/^WARN .*kept as a rejection \(conflict\)/)).toHaveLength(9);
  });

  it('are counted with their own content when copies of two contents are mixed', async () => {
    const { sessionId } = payload();
    const [one, other] = ['one', 'other'].map((proofHash) => payload({ sessionId, proofHash }));
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => app.post(n % 3 === 0 ? one : other)));
    expect(outcomes(answers)).toEqual(answers.map(() => ACKNOWLEDGED));
    const delivery = await app.delivery(sessionId, 'completed');
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
    const answers = await Promise.all(alike.map((sessionId) => app.post(payload({ sessionId }))));
    expect(outcomes(answers)).toEqual(alike.map(() => ACKNOWLEDGED));
    for (const sessionId of alike)
      expect(await app.delivery(sessionId, 'completed')).toMatchObject({ sessionId, duplicates: 0 });
    expect(seen.map(({ sessionId }) => sessionId).toSorted()).toEqual(alike.toSorted());
    expect((await app.rejections()).filter(({ sessionId }) => alike.includes(String(sessionId)))).toEqual([]);
  });

  it('become one delivery and one handler call when the copies arrive at two instances', async () => {
    const other = await webhookApp(database).withHandlers(Remember).start();
    try {
      const bodies = Array.from({ length: 5 }, () => payload());
      const posts = bodies.flatMap((body) => Array.from({ length: 10 }, (_, n) => [app, other][n % 2]?.post(body)));
      const answers = (await Promise.all(posts)).filter((answer) => answer !== undefined);
      expect(outcomes(answers)).toEqual(Array.from({ length: 50 }, () => ACKNOWLEDGED));
      for (const { sessionId } of bodies) {
        expect((await app.delivery(sessionId, 'completed')).duplicates).toBe(9);
        expect(seen.filter((event) => event.sessionId === sessionId)).toHaveLength(1);
      }
    } finally {
      await other.stop();
    }
  });

  async function conflictsOf(sessionId: unknown) {
    const rejections = await app.rejections({ reason: 'conflict' });
    return rejections.filter((rejection) => rejection.sessionId === sessionId);
  }

  function rowsOf(sessionId: unknown): Promise<unknown[]> {
    return beside.query(`SELECT id FROM cr3dentials_webhook_delivery WHERE session_id = '${String(sessionId)}'`);
  }
});

describe.each(databases)('deliveries of several tenants, on %s', (kind) => {
  let database: TestDatabase;
  let app: WebhookApp;

  beforeAll(async () => {
    database = await freshDatabase(kind);
    app = await webhookApp(database)
      .withHandlers(Remember)
      .withOptions({
        path: 'webhook/:tenant',
        auth: { resolveSecrets: ({ params }) => ({ tenant: String(params.tenant), secrets: [SECRET] }) },
      })
      .start();
  });

  afterAll(async () => {
    await app?.stop();
    await database?.drop();
  });

  it('are separate for each tenant, whatever another tenant sends for the same session', async () => {
    const { sessionId } = payload();
    const contents = { north: payload({ sessionId }), North: payload({ sessionId, status: 'ERROR' }) };
    const answers = await Promise.all(
      Object.entries(contents).flatMap(([tenant, body]) =>
        [1, 2].map(() => app.post(body, { path: `/webhook/${tenant}` })),
      ),
    );
    expect(outcomes(answers)).toEqual(answers.map(() => ACKNOWLEDGED));
    for (const [tenant, { status }] of Object.entries(contents)) {
      const delivery = await app.delivery(sessionId, 'completed', tenant);
      expect(delivery).toMatchObject({ tenant, sessionId, status, duplicates: 1 });
    }
    expect(await app.inbox.find({ sessionId: String(sessionId) })).toBeNull();
    expect(await app.rejections()).toEqual([]);
    expect(seen.map(({ status }) => status).toSorted()).toEqual(['COMPLETED', 'ERROR']);
  });

  it('conflict only within one tenant', async () => {
    const { sessionId } = payload();
    await app.post(payload({ sessionId }), { path: '/webhook/east' });
    await app.post(payload({ sessionId, proofHash: 'another' }), { path: '/webhook/west' });
    await app.post(payload({ sessionId, proofHash: 'a third' }), { path: '/webhook/west' });
    const rejections = await app.rejections({ reason: 'conflict' });
    expect(rejections.map(({ tenant, sessionId: session }) => [tenant, session])).toEqual([['west', sessionId]]);
  });
});

function outcomes(answers: Answer[]): unknown[] {
  return answers.map(({ status, body }) => [status, body]);
}
