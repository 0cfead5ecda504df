import { describe, expect, it } from '@jest/globals';
import { OnVerification, PermanentError, type BulkRequest } from 'nestjs-cr3dentials-webhook';
import type { DataSource } from 'typeorm';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { inPlainText } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { servers } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

class Ledger {
  static isOpen = false;

  @OnVerification({ id: 'ledger.book' })
  book(): void {
    if (!Ledger.isOpen) throw new PermanentError('The ledger is closed.');
  }
}

/** Has so many handlers that a chunk of large size would restart more runs than a statement takes values. */
class ManyHandlers {
  handle(): void {}
}
const HANDLERS = Array.from({ length: 40 }, (_, n) => `handler-${n}`);
for (const id of HANDLERS) {
  const descriptor = { value: () => {}, configurable: true, writable: true };
  Object.defineProperty(ManyHandlers.prototype, id, descriptor);
  OnVerification({ id })(ManyHandlers.prototype, id, descriptor);
}

/** Rows that a chunk changes at most. */
const CHUNK_ROWS = 250;
const TIMEOUT_MS = 120_000;

const DEAD: BulkRequest = { action: 'replay', selection: { state: 'dead', handler: 'ledger.book' } };

describe.each(servers)('a bulk operation on %s that meets locked deliveries', (kind) => {
  const host = freshHost(kind);

  it('comes back to one', async () => {
    Object.assign(Ledger, { isOpen: false });
    const app = await host.start((a) => inPlainText(a).withHandlers(Ledger));
    const bodies = Array.from({ length: 3 }, () => payload());
    for (const body of bodies) await app.post(body);
    for (const { sessionId } of bodies) await app.delivery(sessionId, 'dead');
    const [locked] = await app.inbox.list({ state: 'dead' });
    const runner = (await host.database.connect()).createQueryRunner();
    await runner.startTransaction();
    await runner.query(
      `SELECT 1 FROM cr3dentials_webhook_delivery_state WHERE delivery_id = '${locked?.id}' FOR UPDATE`,
    );
    Ledger.isOpen = true;
    const { asOf, count: expected } = await app.inbox.bulk.preview(DEAD);
    const { id } = await app.inbox.bulk.start({ ...DEAD, asOf, expected });
    const bulk = () => app.inbox.bulk.get(id);
    await until('the others are done', async () => (await bulk())?.done === 2);
    expect(await bulk()).toMatchObject({ state: 'running', skipped: 0 });
    await runner.rollbackTransaction();
    await runner.release();
    await until('it is done', async () => (await bulk())?.state === 'completed');
    expect(await bulk()).toMatchObject({ done: 3, skipped: 0 });
  });

  /** Records deliveries, and ends them. */
  async function ended(count: number, state: 'dead' | 'discarded'): Promise<DataSource> {
    const app = await host.start((a) => inPlainText(a).withOptions(RECEIVE_ONLY));
    for (let n = 0; n < count; n += 100) await Promise.all(Array.from({ length: 100 }, () => app.post(payload())));
    const beside = await host.database.connect();
    await beside.query(
      `UPDATE cr3dentials_webhook_delivery_state SET state = '${state}', next_attempt_at = NULL, finished_at = ${Date.now()}`,
    );
    return beside;
  }

  it(
    'keeps to its rate with thousands of them, and goes on where it was',
    async () => {
      const beside = await ended(1_800, 'dead');
      const app = await host.start((a) => inPlainText(a).withHandlers(Ledger));
      const runner = beside.createQueryRunner();
      await runner.startTransaction();
      await runner.query(`SELECT 1 FROM cr3dentials_webhook_delivery_state WHERE state = 'dead' FOR UPDATE`);
      const discard: BulkRequest = { action: 'discard', selection: { state: 'dead' } };
      const { asOf, count: expected } = await app.inbox.bulk.preview(discard);
      const { id } = await app.inbox.bulk.start({ ...discard, asOf, expected, rate: 1_000 });
      await until('it has met a thousand', async () => {
        const [row] = await beside.query('SELECT LENGTH(locked_ids) AS length FROM cr3dentials_webhook_bulk');
        return Number(row.length) > 39_000;
      });
      await runner.rollbackTransaction();
      await runner.release();
      await until('it is done', async () => (await app.inbox.bulk.get(id))?.state === 'completed');
      expect(await app.inbox.bulk.get(id)).toMatchObject({ done: 1_800, skipped: 0 });
      expect(app.logger.matching(/Could not continue a bulk operation/)).toEqual([]);
      const chunks = await beside.query(
        `SELECT COUNT(*) AS n FROM cr3dentials_webhook_action WHERE bulk_id = '${id}' GROUP BY acted_at ORDER BY n DESC`,
      );
      expect(Number(chunks[0].n)).toBeLessThanOrEqual(CHUNK_ROWS);
    },
    TIMEOUT_MS,
  );

  it(
    'restarts no more runs of many handlers at once than a statement takes',
    async () => {
      await ended(300, 'discarded');
      const app = await host.start((a) => inPlainText(a).withHandlers(ManyHandlers));
      const replay: BulkRequest = { action: 'replay', selection: { state: 'discarded' }, handlers: HANDLERS };
      const { asOf, count: expected } = await app.inbox.bulk.preview(replay);
      const { id } = await app.inbox.bulk.start({ ...replay, asOf, expected, rate: 1_000, pauseAt: 1 });
      await until('it is done', async () => (await app.inbox.bulk.get(id))?.state === 'completed');
      expect(await app.inbox.bulk.get(id)).toMatchObject({ done: 300, skipped: 0 });
    },
    TIMEOUT_MS,
  );
});
