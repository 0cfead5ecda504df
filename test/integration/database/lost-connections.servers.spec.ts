import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { servers } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { ProxiedInbox } from '../../support/database/proxied-inbox.js';
import { until } from '../../support/time/until.js';

const LEASE = { duration: 1_500 };

for (const kind of servers) {
  describe(`an inbox that loses its connections, on ${kind}`, () => {
    let inbox: ProxiedInbox;

    beforeEach(async () => {
      inbox = await ProxiedInbox.on(kind);
    });

    afterEach(() => inbox?.stop());

    it('answers 503 when the answer to a commit is lost, then 200, and runs the handlers before the lease ends', async () => {
      const app = await inbox.start({ processing: { lease: 600_000 } });
      const body = payload();
      inbox.proxy.swallowAnswers();
      const post = app.post(body);
      await until('it is committed', async () => (await inbox.rows(body.sessionId)).length === 1);
      inbox.proxy.cut();
      expect(await post).toMatchObject({ status: 503 });
      expect(inbox.calls(body.sessionId)).toBe(0);
      await until('POSTs are taken again', async () => (await app.post(body)).status === 200, 2_000);
      const delivery = await app.delivery(body.sessionId, 'completed');
      expect(delivery).toMatchObject({ dispatches: 1, duplicates: 1 });
      expect(await inbox.rows(body.sessionId)).toEqual([{ id: delivery.id }]);
      expect(inbox.calls(body.sessionId)).toBe(1);
    });

    it('loses nothing that it has acknowledged, and accepts the rest when it is sent again', async () => {
      const app = await inbox.start({ processing: { lease: LEASE.duration } });
      const bodies = Array.from({ length: 60 }, () => payload());
      const posts = bodies.map((body, n) =>
        app.post(body).finally(() => {
          if (n === 5) inbox.proxy.cut();
        }),
      );
      const answers = await Promise.all(posts);
      expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
      for (const [n, { sessionId }] of bodies.entries())
        if (answers[n]?.status === 200) await app.delivery(sessionId, 'completed');
      await until('POSTs are taken again', async () => (await app.post(payload())).status === 200, 2_000);
      expect((await inbox.post(...bodies)).map(({ status }) => status)).toEqual(bodies.map(() => 200));
      for (const { sessionId } of bodies) {
        await app.delivery(sessionId, 'completed');
        expect(await inbox.rows(sessionId)).toHaveLength(1);
      }
    });

    it('answers 503 at once while it cannot connect, logs a line a second for each cause, and recovers', async () => {
      const app = await inbox.start();
      const before = app.logger.lines.length;
      await inbox.proxy.refuse();
      const bodies = Array.from({ length: 10 }, () => payload());
      const begun = performance.now();
      while (performance.now() - begun < 1_500) {
        const asked = performance.now();
        const answers = await inbox.post(...bodies);
        expect(
          answers.filter(({ status, headers }) => status === 503 && Number(headers['retry-after']) > 0),
        ).toHaveLength(10);
        expect(performance.now() - asked).toBeLessThan(2_000); // of ten that it may take
      }
      const seconds = Math.ceil((performance.now() - begun) / 1_000);
      const answered = () => app.logger.lines.slice(before).filter((line) => /^ERROR Answered 503 to \d+ /.test(line));
      await until('what was held back is told', () => answered().length >= 2);
      const lines = app.logger.lines.slice(before);
      expect(lines.length).toBeLessThanOrEqual(3 * seconds);
      expect(lines.filter((line) => /Canary Doe|checking|user_abc123|extractedData/.test(line))).toEqual([]);
      await inbox.proxy.accept();
      await until('POSTs are taken again', async () => (await app.post(payload())).status === 200, 2_000);
      await inbox.post(...bodies);
      for (const { sessionId } of bodies)
        expect(await app.delivery(sessionId, 'completed')).toMatchObject({ duplicates: 0 });
    });
  });
}
