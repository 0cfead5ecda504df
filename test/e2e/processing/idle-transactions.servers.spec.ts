import { describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { servers } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

/** Interruptions in a row that use up no attempt. */
const FREE = 5;
const ATTEMPTS = 3;

class Slow {
  calls = 0;

  @OnVerification({ id: 'slow', transactional: true })
  async handle(_: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    this.calls++;
    await manager.query('SELECT 1');
    await sleep(400); // for an answer of something else
  }
}

// MariaDB has a variable of its own for it, which no option of the driver sets.
for (const kind of servers.filter((server) => server === 'postgres')) {
  describe('a transactional handler that outlives idle_in_transaction_session_timeout', () => {
    const host = freshHost(kind);

    it('uses up an attempt after a few interruptions, and is dead after its last', async () => {
      const app = await host.start((a) =>
        a
          .withHandlers(Slow)
          .withDataSource({ extra: { idle_in_transaction_session_timeout: 150 } })
          .withOptions({ processing: { retry: { attempts: ATTEMPTS, initialDelay: 10 } } }),
      );
      const body = payload();
      await app.post(body);
      const { runs } = await app.delivery(body.sessionId, 'dead');
      expect(runs).toMatchObject([{ handler: 'slow', state: 'dead', attempts: ATTEMPTS }]);
      expect(app.nest.get(Slow).calls).toBe((FREE + 1) * ATTEMPTS);
    });
  });
}
