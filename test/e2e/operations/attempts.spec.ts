import { describe, expect, it } from '@jest/globals';
import { OnVerification, PermanentError, RetryAfterError, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { HOLDER } from '../../support/app/canaries.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { sealedWith } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { databases } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

const SOON = { processing: { retry: { attempts: 3, initialDelay: 1 }, pollInterval: 20 } };
const DAY = 86_400_000;

const errorOf = (attempt: number) => `Error: The ledger is closed, attempt ${attempt}.`;

class Ledger {
  isOpen = false;

  @OnVerification({ id: 'ledger.book' })
  book(_: unknown, { attempt }: HandlerContext): void {
    if (!this.isOpen) throw new Error(`The ledger is closed, attempt ${attempt}.`);
  }

  @OnVerification({ id: 'ledger.note' })
  note(): void {}
}

class TellsThePayload {
  @OnVerification({ id: 'tell' })
  tell({ extractedData }: { extractedData: unknown }): never {
    throw new PermanentError(`Cannot book ${JSON.stringify(extractedData)}`);
  }
}

class Patient {
  calls = 0;

  @OnVerification({ id: 'patient' })
  wait(): void {
    if (++this.calls <= 55) throw new RetryAfterError(1);
  }
}

const provide = <T extends object>(value: T) => ({ provide: value.constructor, useValue: value });

describe.each(databases)('the attempts that are kept, on %s', (kind) => {
  const host = freshHost(kind);

  async function rows(column = '*'): Promise<Record<string, unknown>[]> {
    return (await host.database.connect()).query(`SELECT ${column} FROM cr3dentials_webhook_attempt ORDER BY id`);
  }

  it('are none of what completes at once', async () => {
    const app = await host.start((a) => a.withHandlers(provide(Object.assign(new Ledger(), { isOpen: true }))));
    const body = payload();
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'completed');
    expect(await app.inbox.history.attempts(id)).toEqual([]);
    expect(await rows()).toEqual([]);
  });

  it('are each failure, and what completed after one, also after a replay', async () => {
    const ledger = new Ledger();
    const app = await host.start((a) => a.withHandlers(provide(ledger)).withOptions(SOON));
    const body = payload();
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'dead');
    ledger.isOpen = true;
    expect(await app.inbox.replay(id)).toBe('replayed');
    await app.delivery(body.sessionId, 'completed');
    const attempts = await app.inbox.history.attempts(id);
    expect(attempts.map(({ handler, attempt, outcome, error: text }) => [handler, attempt, outcome, text])).toEqual([
      ['ledger.book', 1, 'failed', errorOf(1)],
      ['ledger.book', 2, 'failed', errorOf(2)],
      ['ledger.book', 3, 'dead', errorOf(3)],
      ['ledger.book', 1, 'completed', null],
    ]);
    for (const { startedAt, endedAt, instance } of attempts) {
      expect(endedAt).toBeGreaterThanOrEqual(startedAt);
      expect(Math.abs(Date.now() - endedAt)).toBeLessThan(60_000);
      expect(instance).toMatch(/^[\da-f-]{36}$/);
    }
    expect(new Set(attempts.map(({ instance }) => instance)).size).toBe(1);
  });

  it('are those that a shutdown has interrupted', async () => {
    const gate = new Gate();
    class Waits {
      @OnVerification({ id: 'wait' })
      async wait(_: unknown, { signal }: HandlerContext): Promise<void> {
        await gate.pass();
        signal.throwIfAborted();
      }
    }
    const app = await host.start((a) => a.withHandlers(Waits).withOptions({ processing: { drainTimeout: 1 } }));
    const body = payload();
    await app.post(body);
    await until('the handler runs', () => gate.arrivals === 1);
    await host.stop(app);
    gate.open();
    expect((await rows()).map(({ handler, attempt, outcome }) => [handler, attempt, outcome])).toEqual([
      ['wait', 1, 'interrupted'],
    ]);
  });

  it('are the newest 50 of a handler', async () => {
    const patient = new Patient();
    const app = await host.start((a) => a.withHandlers(provide(patient)).withOptions(SOON));
    const body = payload();
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'completed');
    const attempts = await app.inbox.history.attempts(id);
    expect(attempts).toHaveLength(50);
    expect(attempts.at(-1)).toMatchObject({ outcome: 'completed', error: null });
    expect(patient.calls).toBe(56);
  });

  it('hold nothing of the payload, and are sealed where contents are', async () => {
    const app = await host.start((a) => sealedWith(['one'])(a).withHandlers(TellsThePayload));
    const body = payload({ extractedData: { accountHolder: HOLDER } });
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'dead');
    const [attempt] = await app.inbox.history.attempts(id);
    expect(attempt?.error).toMatch(/^PermanentError: Cannot book /);
    expect(attempt?.error).not.toContain(HOLDER);
    expect((await rows('error')).map(({ error }) => String(error).slice(0, 3))).toEqual(['cw1']);
  });

  it('lose their errors with the contents, and go with the delivery', async () => {
    const ledger = new Ledger();
    const retention = { payload: DAY, undecided: DAY, deliveries: 8 * DAY };
    const app = await host.start((a) => a.withHandlers(provide(ledger)).withOptions({ ...SOON, retention }));
    const body = payload({ completedAt: null });
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'dead');
    const beside = await host.database.connect();
    const endedDaysAgo = (days: number) =>
      beside.query(`UPDATE cr3dentials_webhook_delivery_state SET finished_at = finished_at - ${days * DAY + 1_000}`);
    await endedDaysAgo(1);
    expect(await app.inbox.retention.run()).toMatchObject({ purged: 1 });
    expect((await app.inbox.history.attempts(id)).map(({ error }) => error)).toEqual([null, null, null]);
    await beside.query(`UPDATE cr3dentials_webhook_delivery_state SET state = 'discarded'`);
    await endedDaysAgo(8);
    expect(await app.inbox.retention.run()).toMatchObject({ pruned: 1 });
    expect(await rows()).toEqual([]);
  });

  it('go when the delivery is erased', async () => {
    const app = await host.start((a) => a.withHandlers(provide(new Ledger())).withOptions(SOON));
    const [one, other] = [payload(), payload()];
    for (const body of [one, other]) await app.post(body);
    await app.delivery(one.sessionId, 'dead');
    const kept = await app.delivery(other.sessionId, 'dead');
    await app.inbox.erase({ sessionId: String(one.sessionId) });
    await until('the other is left', async () => (await rows()).length === 3);
    expect(new Set((await rows()).map((row) => row.delivery_id))).toEqual(new Set([kept.id]));
  });
});
