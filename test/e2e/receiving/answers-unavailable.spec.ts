import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { sharedHost } from '../../support/app/fresh-host.js';
import { databases } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { said } from '../../support/http/raw-post.js';
import { until } from '../../support/time/until.js';
import { platforms, type Answer } from '../../support/app/webhook-app.js';

const PERSON = 'Marie Sklodowska 4711';
const JSON_TYPE = 'application/json; charset=utf-8';
const UNAVAILABLE = {
  status: 503,
  body: '{"statusCode":503,"error":"Service Unavailable","message":"Not recorded. Try again."}',
  type: JSON_TYPE,
};

const matrix = databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const));

describe.each(matrix)('an inbox that cannot be written, on %s and %s', (kind, platform) => {
  const host = sharedHost(kind, (a) => a.on(platform));
  let beside: DataSource;

  beforeAll(async () => {
    beside = await host.database.connect();
  });

  it('answers 503 to a delivery, and accepts it when it is sent again', async () => {
    const body = payload({ externalReferenceId: PERSON });
    const answer = await whileMissing('cr3dentials_webhook_delivery', () => host.app.post(body));
    expect(said(answer)).toEqual(UNAVAILABLE);
    expect(answer.headers['retry-after']).toBe('5');
    expect(await host.app.inbox.find({ sessionId: String(body.sessionId) })).toBeNull();
    expect((await host.app.post(body)).status).toBe(200);
    expect(await host.app.delivery(body.sessionId, 'pending')).toMatchObject({ duplicates: 0 });
  });

  it.each([
    ['is against the contract', { platformId: PERSON }, 400, 'invalid'],
    ['has a status nobody knows', { status: 'ARCHIVED' }, 200, 'unknown-status'],
  ])(
    'answers 503 to a POST that %s, and stores the rejection when it is sent again',
    async (_, fault, status, reason) => {
      const body = payload({ externalReferenceId: PERSON, ...fault });
      const answer = await whileMissing('cr3dentials_webhook_rejection', () => host.app.post(body));
      expect(said(answer)).toEqual(UNAVAILABLE);
      expect(answer.headers['retry-after']).toBe('5');
      expect((await host.app.post(body)).status).toBe(status);
      const rejections = await host.app.rejections();
      expect(rejections.filter(({ sessionId }) => sessionId === body.sessionId)).toMatchObject([
        { reason, repeats: 0 },
      ]);
    },
  );

  it('answers 503 to a conflict, and stores it when it is sent again', async () => {
    const body = payload();
    await host.app.post(body);
    const other = { ...body, externalReferenceId: PERSON };
    const answer = await whileMissing('cr3dentials_webhook_rejection', () => host.app.post(other));
    expect(said(answer)).toEqual(UNAVAILABLE);
    expect((await host.app.post(other)).status).toBe(200);
    const rejections = await host.app.rejections({ reason: 'conflict' });
    expect(rejections).toMatchObject([{ sessionId: body.sessionId, rawBody: JSON.stringify(other), repeats: 0 }]);
  });

  it('logs how often it answered 503, why and what to do, without anything of the content', async () => {
    const body = payload({ externalReferenceId: PERSON });
    await whileMissing('cr3dentials_webhook_delivery', async () => {
      await Promise.all(Array.from({ length: 8 }, () => host.app.post(body))); // the first test has had a line at once
    });
    const { refused } = await host.app.inbox.stats();
    const counts = () => told().map((line) => Number(/ 503 to (\d+)/.exec(line)?.[1]));
    await until('all are told', () => counts().reduce((sum, count) => sum + count, 0) === refused.unavailable);
    expect(told().filter((line) => line === notRecorded(1) || line === notRecorded(8))).toHaveLength(2);
    expect(told().length).toBeLessThan(refused.unavailable);
    expect(
      host.app.logger.lines.filter((line) => line.includes(PERSON) || line.includes(String(body.sessionId))),
    ).toEqual([]);
  });

  function told(): string[] {
    return host.app.logger
      .matching(/^ERROR Answered 503/)
      .map((line) => line.replace(/\(QueryFailedError \w+\)/, '(why)'));
  }

  async function whileMissing<T>(table: string, work: () => Promise<T>): Promise<T> {
    await beside.query(`ALTER TABLE ${table} RENAME TO missing`);
    try {
      return await work();
    } finally {
      await beside.query(`ALTER TABLE missing RENAME TO ${table}`);
    }
  }
});

describe.each(platforms)('a slow inbox, on %s', (platform) => {
  const ackTimeout = 1_000;
  const host = sharedHost('sqlite', (a) => a.on(platform).withOptions({ receiving: { ackTimeout, maxQueued: 2 } }));
  let beside: DataSource;

  beforeAll(async () => {
    beside = await host.database.connect();
  });

  it('answers 503 after ackTimeout, and at once when maxQueued is reached', async () => {
    const bodies = [payload(), payload(), payload()];
    await beside.query('BEGIN IMMEDIATE');
    const answers = await Promise.all(bodies.map((body) => timed(host.app.post(body)))).finally(() =>
      beside.query('ROLLBACK'),
    );
    expect(answers.map(({ answer }) => said(answer))).toEqual(bodies.map(() => UNAVAILABLE));
    expect(answers.map(({ answer }) => answer.headers['retry-after'])).toEqual(bodies.map(() => '5'));
    const [tooMuch = 0, ...waited] = answers.map(({ took }) => took).toSorted((a, b) => a - b);
    expect(tooMuch).toBeLessThan(ackTimeout * 0.8);
    for (const took of waited) {
      expect(took).toBeGreaterThan(ackTimeout * 0.95);
      expect(took).toBeLessThan(ackTimeout * 3);
    }
    // The places are free once the database has answered.
    for (const body of bodies) await until('it is recorded', async () => (await host.app.post(body)).status === 200);
    expect(await host.app.inbox.list()).toHaveLength(bodies.length);
  });

  it('logs what to check', async () => {
    await beside.query('BEGIN IMMEDIATE');
    const before = host.app.logger.lines.length;
    await host.app.post(payload()).finally(() => beside.query('ROLLBACK'));
    const told = await until('it is told', () => {
      const errors = host.app.logger.lines.slice(before).filter((line) => line.startsWith('ERROR'));
      return errors.length > 0 ? errors : undefined;
    });
    for (const line of told)
      expect(line).toMatch(
        /^ERROR Answered 503 to \d POSTs?, which the sender should retry\. (Recording timed out after 1000 ms\. Check the database|\d POSTs wait .*)\. Cr3dentialsWebhook$/,
      );
  });
});

function notRecorded(times: number): string {
  return `ERROR Answered 503 to ${times} POST${times === 1 ? '' : 's'}, which the sender should retry. The inbox could not record a delivery; the sender was asked to try again. Check the database. (why) Cr3dentialsWebhook`;
}

async function timed(post: Promise<Answer>): Promise<{ answer: Answer; took: number }> {
  const start = performance.now();
  const answer = await post;
  return { answer, took: performance.now() - start };
}
