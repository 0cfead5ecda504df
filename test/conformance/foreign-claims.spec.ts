import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { claimId, type Lease } from '../../src/inbox/claimed-delivery.js';
import { HandlerSetRepository, type HandlersByStatus } from '../../src/inbox/handler-set.repository.js';
import { SettlementRepository } from '../../src/inbox/settlement.repository.js';
import { RescueRepository, type RescueQuery } from '../../src/inbox/rescue.repository.js';
import { databases, freshDatabase, type TestDatabase } from '../support/database/databases.js';
import { StandaloneInbox, alone, unrecorded } from '../support/database/standalone-inbox.js';

const NOW = 1_750_000_000_000;
const MINUTE = 60_000;
const THEIRS: HandlersByStatus = new Map([['COMPLETED', ['known', 'added']]]);
const OURS: HandlersByStatus = new Map([['COMPLETED', ['known', 'third']]]);

function look(now: number, limit = 10): RescueQuery {
  return {
    lease: { claimId: claimId('us', 1, 'ours'), expiresAt: now + MINUTE },
    now,
    limit,
    except: [],
    suspects: false,
  };
}

describe.each(databases)('deliveries of a killed worker with other handlers, on %s', (kind) => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    inbox = await StandaloneInbox.open(database);
    const sets = new HandlerSetRepository(inbox.connection, inbox.tables, { now: () => NOW });
    await sets.record('theirs', THEIRS);
    await sets.record('theirs', OURS); // is on record already
  });

  afterEach(async () => {
    await inbox.close();
    await database.drop();
  });

  async function recordKilled(count: number, handlers = 'theirs'): Promise<string[]> {
    const lease: Lease = { claimId: claimId('killed', 1, handlers), expiresAt: NOW };
    const deliveries = Array.from({ length: count }, () => unrecorded({ status: 'COMPLETED' }));
    await inbox.deliveries.record(deliveries.map((delivery) => alone(delivery, lease)));
    return deliveries.map(({ id }) => id).toSorted();
  }

  async function runsOf(id: string | undefined): Promise<string[]> {
    const rows = await inbox.dataSource.query<{ handler: string; state: string; attempts: number }[]>(
      `SELECT handler, state, attempts FROM cr3dentials_webhook_handler_run WHERE delivery_id = '${id}' ORDER BY handler`,
    );
    return rows.map(({ handler, state, attempts }) => `${handler} ${state} ${attempts}`);
  }

  const all = ['added pending 0', 'known pending 0', 'third pending 0'];

  it('are left to workers that have all of their handlers, for the grace time', async () => {
    const ids = await recordKilled(2);
    const { rescues } = inbox;
    expect(await rescues.rescueExpired(look(NOW + 1))).toEqual([]);
    expect(await rescues.rescueForeign(look(NOW + 1), OURS, MINUTE)).toEqual({ rescued: [], unknown: [] });
    const superset: HandlersByStatus = new Map([['COMPLETED', ['added', 'known', 'third']]]);
    const { rescued } = await rescues.rescueForeign(look(NOW + 1), superset, MINUTE);
    expect(rescued.map(({ id }) => id).toSorted()).toEqual(ids);
  });

  it('get the runs of both sets with the claim', async () => {
    const ids = await recordKilled(3);
    const { rescued, unknown } = await inbox.rescues.rescueForeign(look(NOW + 2 * MINUTE, 2), OURS, MINUTE);
    expect(rescued).toMatchObject([
      { rescues: 1, dispatches: 2 },
      { rescues: 1, dispatches: 2 },
    ]);
    expect(unknown).toEqual([]);
    for (const { id } of rescued) expect(await runsOf(id)).toEqual(all);
    const left = ids.find((id) => !rescued.some((delivery) => delivery.id === id));
    expect(await runsOf(left)).toEqual([]);
  });

  it('are left for the next look if another worker has taken those that this one saw', async () => {
    const [seen] = await recordKilled(1);
    const sets = new HandlerSetRepository(inbox.connection, inbox.tables, { now: () => NOW });
    await sets.record('third', OURS);
    const [unseen] = await recordKilled(1, 'third');
    await inbox.dataSource.query(
      `UPDATE cr3dentials_webhook_delivery_state SET lease_expires_at = ${NOW + 1} WHERE delivery_id = '${unseen}'`,
    );
    const find = sets.find.bind(sets);
    sets.find = async (fingerprints) => {
      await inbox.dataSource.query(
        `UPDATE cr3dentials_webhook_delivery_state SET lease_expires_at = ${NOW + 9 * MINUTE} WHERE delivery_id = '${seen}'`,
      );
      return find(fingerprints);
    };
    const rescues = new RescueRepository(inbox.connection, inbox.tables, inbox.claims, inbox.runs, sets);
    const nobody: HandlersByStatus = new Map([['COMPLETED', ['other']]]);
    const first = await rescues.rescueForeign(look(NOW + 2 * MINUTE, 1), nobody, MINUTE);
    expect(first).toEqual({ rescued: [], unknown: [] });
    const second = await rescues.rescueForeign(look(NOW + 2 * MINUTE, 1), nobody, MINUTE);
    expect([second.rescued.map(({ id }) => id), second.unknown]).toEqual([[unseen], []]);
    expect(await runsOf(unseen)).toEqual(['known pending 0', 'other pending 0', 'third pending 0']);
  });

  it('are told of if their set is not on record', async () => {
    const [id] = await recordKilled(1, 'others');
    const { rescued, unknown } = await inbox.rescues.rescueForeign(look(NOW + 2 * MINUTE), OURS, MINUTE);
    expect([rescued.length, unknown, await runsOf(id)]).toEqual([1, [id], []]);
  });

  it('get them too when their third crash ends them: somebody may replay them', async () => {
    const [id] = await recordKilled(1);
    await inbox.dataSource.query('UPDATE cr3dentials_webhook_delivery_state SET rescues = 2');
    expect(await inbox.rescues.deadLetterPoisoned(look(NOW + 1).lease, NOW + 1, [])).toBe(1);
    expect(await inbox.rows()).toMatchObject([{ state: 'dead', reason: 'crash-loop' }]);
    expect(await runsOf(id)).toEqual(['added pending 0', 'known pending 0']);
  });

  if (kind !== 'sqlite')
    it('are rescued although a transaction of the killed worker is still open, and its delivery keeps what it expects', async () => {
      const ids = await recordKilled(3);
      const beside = await database.connect({});
      const transaction = beside.createQueryRunner();
      await transaction.startTransaction();
      await transaction.query(
        `INSERT INTO cr3dentials_webhook_handler_run (delivery_id, handler, state, attempts, updated_at)
         VALUES ('${ids[1]}', 'added', 'pending', 0, 0)`,
      );
      const { rescued, unknown } = await inbox.rescues.rescueForeign(look(NOW + 2 * MINUTE), OURS, MINUTE);
      await transaction.rollbackTransaction();
      await transaction.release();
      expect(rescued.map(({ id }) => id).toSorted()).toEqual(ids);
      expect(unknown).toEqual([]);
      expect(await Promise.all(ids.map((id) => runsOf(id)))).toEqual([all, [], all]);
      const expected = ['known', 'added', 'third'];
      expect(rescued.find(({ id }) => id === ids[1])?.expectedHandlers).toEqual(expected);
      const kept = new Map((await inbox.rows()).map((row) => [row.id, row.expected_handlers]));
      expect(ids.map((id) => kept.get(id))).toEqual([null, JSON.stringify(expected), null]);
    });

  if (kind !== 'sqlite')
    it('are kept with the delivery, without a try, while a transaction has one', async () => {
      const [id = ''] = await recordKilled(1);
      await inbox.rescues.rescueForeign(look(NOW + 2 * MINUTE), OURS, MINUTE);
      const beside = await database.connect({});
      const transaction = beside.createQueryRunner();
      await transaction.startTransaction();
      await transaction.query(`UPDATE cr3dentials_webhook_handler_run SET attempts = 1 WHERE handler = 'added'`);
      const statements: string[] = [];
      const transactionOf = inbox.connection.transactionOf.bind(inbox.connection);
      inbox.connection.transactionOf = (steps) => {
        statements.push('transaction');
        return transactionOf(steps);
      };
      const settlements = new SettlementRepository(
        inbox.connection,
        inbox.tables,
        inbox.claims,
        inbox.runs,
        inbox.queued,
        inbox.attempts,
      );
      const isSettled = await settlements.settle(
        {
          claim: { id, claimId: look(NOW).lease.claimId },
          outcome: { nextAttemptAt: NOW },
          runs: [],
          expected: { ids: ['added'], areLocked: true },
        },
        NOW,
      );
      await transaction.rollbackTransaction();
      await transaction.release();
      expect([isSettled, statements.length]).toEqual([true, 1]);
      expect(await inbox.rows()).toMatchObject([{ state: 'pending', expected_handlers: JSON.stringify(['added']) }]);
    });
});
