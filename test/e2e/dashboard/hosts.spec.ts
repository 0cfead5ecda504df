import { ValidationPipe, VersioningType, type NestInterceptor } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { OnVerification, PermanentError } from 'nestjs-cr3dentials-webhook';
import { InstanceReporter } from '../../../src/instance-reports/instance.reporter.js';
import { InstanceRepository } from '../../../src/inbox/instance.repository.js';
import { GaugeQueries } from '../../../src/inbox/gauge.queries.js';
import { map } from 'rxjs';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms } from '../../support/app/webhook-app.js';
import { as, ask, dashboard } from '../../support/dashboard/dashboard-app.js';

class FailForGood {
  @OnVerification({ id: 'fail' })
  handle(): never {
    throw new PermanentError('for good');
  }
}

/** Wraps whatever routes return. */
const wrap: NestInterceptor = {
  intercept: (_, next) => next.handle().pipe(map((data: unknown) => ({ wrapped: data }))),
};

describe.each(platforms)('a page in an app with habits of its own, on %s', (platform) => {
  const host = freshHost('sqlite');

  it('answers the same behind a prefix, versions, pipes and interceptors', async () => {
    const base = '/api/v2';
    const app = await host.start((a) =>
      a
        .on(platform)
        .withOptions(RECEIVE_ONLY)
        .configured((nest) => {
          nest.setGlobalPrefix('api/v2');
          nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '7' });
          nest.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
          nest.useGlobalInterceptors(wrap);
        })
        .importing(dashboard()),
    );
    const body = payload();
    await app.post(body, { path: `${base}/webhook/cr3dentials` });
    const found = await ask(app, '/api/find', as('alice', { base, body: { value: body.sessionId } }));
    expect([found.status, found.body]).toMatchObject([200, { deliveries: [{ sessionId: body.sessionId }] }]);
    expect((await ask(app, '', as('alice', { base }))).text).toContain('<title>Webhook inbox</title>');
  });

  it('reads what is asked where the host has no body parser', async () => {
    const app = await host.start((a) =>
      a.on(platform).withoutBodyParser().withOptions(RECEIVE_ONLY).importing(dashboard()),
    );
    const body = payload();
    await app.post(body);
    const found = await ask(app, '/api/find', as('alice', { body: { value: body.sessionId } }));
    expect([found.status, found.body]).toMatchObject([200, { deliveries: [{ sessionId: body.sessionId }] }]);
    for (const length of [70_000, 900_000]) {
      const large = await ask(app, '/api/find', as('alice', { body: { value: 'x'.repeat(length) } }));
      expect([large.status, large.body]).toMatchObject([400, { code: 'BODY_INVALID' }]);
    }
  });

  it('knows the handlers of the instances that process, and replays them, where none does itself', async () => {
    const worker = await host.start((a) => a.withHandlers(FailForGood));
    const body = payload();
    await worker.post(body);
    const { id } = await worker.delivery(body.sessionId, 'dead');
    await worker.nest.get(InstanceReporter, { strict: false }).write();
    const app = await host.start((a) => a.on(platform).withOptions(RECEIVE_ONLY).importing(dashboard()));
    expect((await ask(app, '/api/session', as('alice'))).body).toMatchObject({ handlers: ['fail'] });
    const detail = await ask(app, `/api/deliveries/${id}`, as('alice'));
    expect(detail.body).toMatchObject({ runs: [{ handler: 'fail', isSubscribed: true, isTransactional: false }] });
    const replayed = await ask(app, `/api/deliveries/${id}/replay`, as('alice', { body: { handlers: ['fail'] } }));
    expect(replayed.status).toBe(200);
    const unknown = await ask(app, `/api/deliveries/${id}/replay`, as('alice', { body: { handlers: ['fial'] } }));
    expect([unknown.status, unknown.body]).toMatchObject([400, { code: 'BODY_INVALID' }]);
    expect(await app.inbox.replayAll({ state: 'dead' }, { handlers: ['fail'] })).toMatchObject({
      matched: expect.any(Number),
    });
  });

  it('answers a failure without a word of it, and goes on', async () => {
    const app = await host.start((a) => a.on(platform).withOptions(RECEIVE_ONLY).importing(dashboard()));
    const beside = await host.database.connect();
    await beside.query('ALTER TABLE cr3dentials_webhook_delivery_state RENAME TO elsewhere');
    const got = await ask(app, '/api/deliveries', as('alice'));
    await beside.query('ALTER TABLE elsewhere RENAME TO cr3dentials_webhook_delivery_state');
    expect([got.status, got.body]).toMatchObject([500, { code: 'INBOX_FAILED' }]);
    expect(got.text).not.toMatch(/SELECT|no such table|\.[jt]s:/);
    expect((await ask(app, '/api/deliveries', as('alice'))).status).toBe(200);
  });

  it('answers 503 while the database hangs, also where numbers are read for all', async () => {
    const app = await host.start((a) => a.on(platform).withOptions(RECEIVE_ONLY).importing(dashboard()));
    Object.assign(app.nest.get(GaugeQueries, { strict: false }), { read: () => new Promise(() => {}) });
    const got = await ask(app, '/api/overview', as('alice'));
    expect([got.status, got.body]).toMatchObject([503, { code: 'INBOX_UNAVAILABLE' }]);
    Object.assign(app.nest.get(InstanceRepository, { strict: false }), { list: () => new Promise(() => {}) });
    expect((await ask(app, '/api/session', as('alice'))).status).toBe(200);
    expect(app.logger.matching(/Please report it/)).toEqual([]);
  });

  it('lets no more requests in at a time than it is told', async () => {
    const slow = dashboard({ limits: { queries: 1 } });
    const app = await host.start((a) => a.on(platform).withOptions(RECEIVE_ONLY).importing(slow));
    const { history } = app.inbox;
    let running = 0;
    let most = 0;
    const tallies = history.tallies.bind(history);
    history.tallies = async (query) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      return tallies(query).finally(() => running--);
    };
    const hour = Date.now() - 3_600_000;
    const questions = Array.from({ length: 10 }, (_, n) => `/api/tallies?from=${hour - n}`); // each a question of its own
    const all = await Promise.all(questions.map((question) => ask(app, question, as('alice'))));
    expect([new Set(all.map(({ status }) => status)), most]).toEqual([new Set([200]), 1]);
  });
});
