import { describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { DataSource } from 'typeorm';
import { DeliveryStateRow } from '../../../src/inbox/delivery-state.entity.js';
import { Effect, effectsOf, withEffects } from '../../support/app/effects.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

/** Waits after its first write, as long as the gate is closed. */
class BookAtTheGate {
  readonly gate = new Gate();
  readonly statuses: string[] = [];

  @OnVerification({ id: 'book', transactional: true })
  async handle({ sessionId, status }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    this.statuses.push(status);
    await manager.insert(Effect, { sessionId });
    await this.gate.pass();
  }
}

const HOUR = 3_600_000;

for (const kind of servers) {
  describe(`a conflict that is accepted while a worker that has lost its claim is about to commit, on ${kind}`, () => {
    const host = freshHost(kind);

    it('is "busy" until that worker has committed, and then reaches every handler', async () => {
      const app = await host.start((a) => withEffects(a).withHandlers(BookAtTheGate));
      const book = app.nest.get(BookAtTheGate);
      const first = payload();
      await app.post(first);
      await until('its handler has written', () => book.gate.arrivals === 1);
      const { id } = await app.delivery(first.sessionId, 'processing');
      await app.post({ ...first, status: 'ERROR' });
      const [conflict] = await app.rejections({ reason: 'conflict' });
      // As if its worker were cut off, and another had given the delivery back. It notices with its next renewal.
      const states = app.nest.get(DataSource).getRepository(DeliveryStateRow);
      const released = { state: 'pending', claimId: null, leaseExpiresAt: null } as const;
      await states.update(id, { ...released, nextAttemptAt: Date.now() + HOUR });

      expect(await app.inbox.rejections.accept(conflict?.id ?? '')).toBe('busy');
      book.gate.open();
      await until('it has committed', async () => (await effectsOf(app, first.sessionId)) === 1);
      expect(await app.inbox.rejections.accept(conflict?.id ?? '')).toBe('accepted');
      await app.delivery(first.sessionId, 'completed');
      expect(book.statuses).toEqual(['COMPLETED', 'ERROR']);
      expect(await effectsOf(app, first.sessionId)).toBe(2);
    });
  });
}
