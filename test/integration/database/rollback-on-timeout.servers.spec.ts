import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { DataSource } from 'typeorm';
import { MariadbServer } from '../../../harness/chaos/servers/mariadb-server.js';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { payload } from '../../support/app/payload.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';
import { servers, type TestDatabase } from '../../support/database/databases.js';

/** Waits for the row of somebody else, longer than the server lets it, and goes on as if nothing had happened. */
class SwallowTheTimeout {
  calls = 0;
  afterTimeout: unknown;

  @OnVerification({ id: 'swallow', transactional: true })
  async handle({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    this.calls++;
    await manager.insert(Effect, { sessionId });
    if (this.calls > 1) return;
    await manager.query(`UPDATE effect SET session_id = 'mine' WHERE id = 1`).catch(() => {});
    this.afterTimeout = await manager.insert(Effect, { sessionId }).catch((error: Error) => error.message);
  }
}

const settings = {
  'a server that rolls back the transaction of a statement that waits too long': {
    flags: ['--innodb-rollback-on-timeout=1'],
    calls: 2,
    effects: 1,
    afterTimeout: expect.stringMatching(/has rolled back the transaction of this handler/),
  },
  'a server that rolls back only the statement that waits too long': {
    flags: [],
    calls: 1,
    effects: 2,
    afterTimeout: expect.anything(),
  },
};

if (servers.includes('mariadb')) {
  describe.each(Object.entries(settings))('%s', (_, { flags, calls, effects, afterTimeout }) => {
    let server: MariadbServer;
    let app: WebhookApp;

    beforeAll(async () => {
      server = await MariadbServer.launch({}, '--innodb-lock-wait-timeout=1', ...flags);
    }, 60_000);

    afterAll(async () => {
      await app?.stop();
      await server?.remove();
    });

    it('completes a handler that swallows its error only with all of its effects', async () => {
      const options = { type: 'mariadb', url: server.administratorUrl } as const;
      const database: Pick<TestDatabase, 'kind' | 'options'> = { kind: 'mariadb', options };
      app = await withEffects(webhookApp(database as TestDatabase))
        .withHandlers(SwallowTheTimeout)
        .start();
      const beside = await new DataSource(options).initialize();
      await beside.query(`INSERT INTO effect (id, session_id) VALUES (1, 'locked')`);
      const lock = beside.createQueryRunner();
      await lock.startTransaction();
      await lock.query(`UPDATE effect SET session_id = 'theirs' WHERE id = 1`);
      const body = payload();
      await app.post(body);
      await app.delivery(body.sessionId, 'completed');
      await lock.rollbackTransaction();
      await beside.destroy();
      const handler = app.nest.get(SwallowTheTimeout);
      expect(handler.calls).toBe(calls);
      expect(handler.afterTimeout).toEqual(afterTimeout);
      expect(await effectsOf(app, body.sessionId)).toBe(effects);
    });
  });
}
