import { describe, expect, it } from '@jest/globals';
import { OnVerification, PermanentError, VerificationCancelled, type ActionMessage } from 'nestjs-cr3dentials-webhook';
import { uuidv7 } from 'uuidv7';
import { FailOnce, SucceedAtOnce, WaitAtAGateWhenErrored } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

class DieAtOnce {
  @OnVerification()
  handle(): void {
    throw new PermanentError('never');
  }
}

class OnlyWhenCancelled {
  @OnVerification(VerificationCancelled, { id: 'only-when-cancelled' })
  handle(): void {}
}

describe.each(databases)('discard, on %s', (kind) => {
  const host = freshHost(kind);

  it.each(['pending', 'unhandled'] as const)(
    'ends a delivery that is %s, which is kept and can be replayed',
    async (state) => {
      const before = await host.start((a) =>
        a.withHandlers(OnlyWhenCancelled).withOptions({ processing: { enabled: state === 'unhandled' } }),
      );
      const body = payload();
      await before.post(body);
      const { id } = await before.delivery(body.sessionId, state);
      expect(await before.inbox.discard(id)).toBe('discarded');
      expect(await before.inbox.find(id)).toMatchObject({ state: 'discarded', nextAttemptAt: null });
      expect((await before.inbox.find(id))?.finishedAt).toBeGreaterThan(0);
      await host.stop(before);

      const app = await host.start((a) => a.withHandlers(FailOnce));
      const probe = payload();
      await app.post(probe); // is retried: by then a worker has looked for what is due
      await app.delivery(probe.sessionId, 'completed');
      expect(app.nest.get(FailOnce).attempts).toHaveLength(2);
      expect(await app.inbox.stats()).toMatchObject({ discarded: 1, pending: 0, completed: 1 });

      expect(await app.inbox.replay(id)).toBe('replayed');
      await app.delivery(body.sessionId, 'completed');
    },
  );

  it('ends a dead delivery, which has no reason of its death any more', async () => {
    const app = await host.start((a) => a.withHandlers(DieAtOnce));
    const body = payload();
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'dead');

    expect(await app.inbox.discard(id)).toBe('discarded');
    expect(await app.inbox.stats()).toMatchObject({ dead: 0, discarded: 1 });
    expect(await app.inbox.find(id)).toMatchObject({ state: 'discarded', reason: null });
  });

  it('of what is discarded already changes nothing, and is not recorded', async () => {
    const told: ActionMessage[] = [];
    const app = await host.start((a) =>
      a.withHandlers(DieAtOnce).withOptions({ onAction: (message) => void told.push(message) }),
    );
    const body = payload();
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'dead');
    await app.inbox.discard(id, { by: 'anna' });
    const discarded = await app.inbox.find(id);

    expect(await app.inbox.discard(id, { by: 'ben' })).toBe('discarded');
    expect(await app.inbox.find(id)).toEqual(discarded);
    expect(await app.inbox.actions.list()).toMatchObject([{ action: 'discard', operator: 'anna' }]);
    expect(told).toHaveLength(1);
  });

  it('changes nothing for a completed, a claimed or an unknown delivery', async () => {
    const app = await host.start((a) => a.withHandlers(SucceedAtOnce, WaitAtAGateWhenErrored));
    const [done, busy] = [payload(), payload({ status: 'ERROR' })];
    await app.post(done);
    await app.post(busy);
    const completed = await app.delivery(done.sessionId, 'completed');
    const processing = await app.delivery(busy.sessionId, 'processing');

    expect(await app.inbox.discard(completed.id)).toBe('completed');
    expect(await app.inbox.discard(processing.id)).toBe('busy');
    expect(await app.inbox.discard(uuidv7())).toBe('unknown');
    expect(await app.inbox.find(completed.id)).toEqual(completed);
    app.nest.get(WaitAtAGateWhenErrored).gate.open();
    await app.delivery(busy.sessionId, 'completed');
  });
});
