import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Clock } from 'nestjs-cr3dentials-webhook';
import { servers } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { ProxiedInbox } from '../../support/database/proxied-inbox.js';
import { until } from '../../support/time/until.js';

const ACK_TIMEOUT = 500;
const SLACK = 1_500; // of a slow machine with many POSTs at once

for (const kind of servers) {
  describe(`an inbox whose database freezes, on ${kind}`, () => {
    let inbox: ProxiedInbox;

    beforeEach(async () => {
      inbox = await ProxiedInbox.on(kind);
    });

    afterEach(() => inbox?.stop());

    it('answers 503 within the timeout, and 200 within two seconds after the database recovers', async () => {
      const app = await inbox.start({ receiving: { ackTimeout: ACK_TIMEOUT } });
      const known = payload();
      await app.post(known);
      inbox.proxy.stall();
      const bodies = [...Array.from({ length: 30 }, () => payload()), payload({ status: 'PAUSED' }), known];
      const begun = performance.now();
      const answers = await inbox.post(...bodies);
      expect(performance.now() - begun).toBeLessThan(ACK_TIMEOUT + SLACK);
      expect(
        answers.filter(({ status, headers }) => status === 503 && Number(headers['retry-after']) > 0),
      ).toHaveLength(32);
      inbox.proxy.thaw();
      await until('POSTs are taken again', async () => (await app.post(payload())).status === 200, 2_000);
      expect((await inbox.post(...bodies)).map(({ status }) => status)).toEqual(bodies.map(() => 200));
      for (const { sessionId, status } of bodies.filter((body) => body.status !== 'PAUSED')) {
        expect(await app.delivery(sessionId, 'completed')).toMatchObject({ status });
        expect(await inbox.rows(sessionId)).toHaveLength(1);
        expect(inbox.calls(sessionId)).toBe(1);
      }
      expect(await app.inbox.rejections.list()).toMatchObject([{ reason: 'unknown-status' }]);
    });

    it('answers 503 to an invalid POST too, and 400 once the rejection can be stored', async () => {
      const app = await inbox.start({ receiving: { ackTimeout: ACK_TIMEOUT } });
      inbox.proxy.stall();
      const body = payload({ platformId: 'one' });
      expect(await app.post(body)).toMatchObject({ status: 503 });
      inbox.proxy.thaw();
      await until('it is kept', async () => (await app.post(body)).status === 400, 2_000);
      expect(await app.inbox.rejections.list()).toMatchObject([{ reason: 'invalid', sessionId: body.sessionId }]);
    });

    it('answers 503 to those who wait, and to any more at once, and records each once when it is sent again', async () => {
      const app = await inbox.start({ receiving: { ackTimeout: 1_500, maxQueued: 50 } });
      inbox.proxy.stall();
      const bodies = Array.from({ length: 60 }, () => payload());
      let answered = 0;
      const post = (body: object) => app.post(body).finally(() => answered++);
      const posts = [];
      for (const body of bodies.slice(0, 2)) {
        posts.push(post(body));
        await until('it has an insert of its own', () => inbox.watch.inFlight === posts.length);
      }
      posts.push(...bodies.slice(2).map(post));
      await until('fifty wait', () => answered === 10);
      const answers = await Promise.all(posts);
      expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 503));
      inbox.proxy.thaw();
      await until('POSTs are taken again', async () => (await app.post(payload())).status === 200, 2_000);
      // mysql2 never settles a statement whose connection was ended.
      await until('every insert has come back', () => kind === 'mariadb' || inbox.watch.inFlight === 0);
      for (const body of bodies) {
        expect(await app.post(body)).toMatchObject({ status: 200 });
        expect(await inbox.rows(body.sessionId)).toHaveLength(1);
      }
    });

    it('keeps the time, although the database is late to tell it', async () => {
      const app = await inbox.start({ processing: { lease: 4_500 } });
      const clock = app.nest.get(Clock, { strict: false });
      const ahead = () => clock.now() - Date.now();
      const before = ahead();
      inbox.proxy.stall();
      await until('it was asked in vain', () => app.logger.matching(/Could not renew leases/).length > 0);
      inbox.proxy.thaw();
      let drift = 0;
      for (let answers = 0; answers < 20; answers++) {
        await app.inbox.stats();
        drift = Math.max(drift, Math.abs(ahead() - before));
      }
      expect(drift).toBeLessThan(250);
    });

    it('logs a line a second for each cause, without a payload', async () => {
      const app = await inbox.start({ receiving: { ackTimeout: ACK_TIMEOUT } });
      const before = app.logger.lines.length;
      inbox.proxy.stall();
      const begun = performance.now();
      let refused = 0;
      while (performance.now() - begun < 1_700) {
        const answers = await inbox.post(...Array.from({ length: 10 }, () => payload()));
        refused += answers.filter(({ status }) => status === 503).length;
      }
      const seconds = Math.ceil((performance.now() - begun) / 1_000);
      const lines = app.logger.lines.slice(before);
      const told = () =>
        app.logger.lines.slice(before).map((line) => Number(/^ERROR Answered 503 to (\d+) /.exec(line)?.[1] ?? 0));
      await until('all are told', () => told().reduce((sum, count) => sum + count, 0) >= refused);
      expect(lines.length).toBeLessThanOrEqual(3 * seconds);
      expect(lines.filter((line) => /Canary Doe|checking|user_abc123|extractedData/.test(line))).toEqual([]);
    });
  });
}
