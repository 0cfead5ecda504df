import type { Lease } from '../../src/inbox/claimed-delivery.js';
import type { RescueQuery } from '../../src/inbox/rescue.repository.js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Dialect } from '../../src/database/dialect/dialect.js';
import { mariadbDialect, mysqlDialect } from '../../src/database/dialect/mysql.dialect.js';
import { postgresDialect } from '../../src/database/dialect/postgres.dialect.js';
import { sqliteDialect } from '../../src/database/dialect/sqlite.dialect.js';
import type { ClaimedDelivery } from '../../src/inbox/claimed-delivery.js';
import { databases, freshDatabase, type DatabaseKind, type TestDatabase } from '../support/database/databases.js';
import { StandaloneInbox, alone, claimsOf, unrecorded, verdictsOf } from '../support/database/standalone-inbox.js';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

const returning: Record<DatabaseKind, Dialect> = {
  sqlite: sqliteDialect,
  postgres: postgresDialect,
  mariadb: mariadbDialect,
};
/** As if neither INSERT nor UPDATE could return rows. On MariaDB it is MySQL's own dialect. */
const portable: Record<DatabaseKind, Dialect> = {
  sqlite: { ...sqliteDialect, insertReturns: false, updateReturns: false, writesInQueries: false },
  postgres: { ...postgresDialect, insertReturns: false, updateReturns: false, writesInQueries: false },
  mariadb: mysqlDialect,
};

describe.each(databases)('a database that cannot return rows from a write, on %s', (kind) => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;

  beforeEach(async () => {
    database = await freshDatabase(kind);
    inbox = await StandaloneInbox.openWithDialect(portable[kind], database);
  });

  afterEach(async () => {
    await inbox?.close();
    await database?.drop();
  });

  it('tells accepted, duplicate and conflict apart in one batch, in the order of the batch', async () => {
    const { deliveries } = inbox;
    const [a, b, c] = ['a', 'b', 'c'].map((sessionId) => unrecorded({ sessionId }));
    if (!a || !b || !c) throw new Error('three are recorded');
    const lease = { claimId: 'me', expiresAt: NOW + MINUTE };
    const first = await deliveries.record([alone(b), { delivery: a, lease, duplicates: 4 }]);
    expect(first).toEqual([b, a].map(({ id }) => ({ verdict: 'accepted', deliveryId: id })));
    const again = { delivery: unrecorded({ sessionId: 'a' }, NOW), lease: undefined, duplicates: 2 };
    const conflict = alone(unrecorded({ sessionId: 'b', proofHash: 'another' }, NOW));
    expect(await deliveries.record([conflict, alone(c), again])).toEqual([
      { verdict: 'conflict', deliveryId: b.id },
      { verdict: 'accepted', deliveryId: c.id },
      { verdict: 'duplicate', deliveryId: a.id },
    ]);
    await inbox.duplicates.flush();
    expect(await inbox.rows()).toEqual([
      expect.objectContaining({ id: a.id, duplicates: 7, state: 'processing', claim_id: 'me', dispatches: 1 }),
      expect.objectContaining({ id: b.id, duplicates: 0, state: 'pending', last_duplicate_at: null, dispatches: 0 }),
      expect.objectContaining({ id: c.id, duplicates: 0, state: 'pending' }),
    ]);
    expect((await inbox.rows()).map((row) => Number(row.last_duplicate_at))).toEqual([NOW, 0, 0]);
  });

  it('agrees step by step with the path that returns rows', async () => {
    const other = await freshDatabase(kind);
    const reference = await StandaloneInbox.openWithDialect(returning[kind], other);
    try {
      const told = await journal(inbox);
      expect(told).toEqual(await journal(reference));
      const [without, within] = [inbox, reference].map(({ statements }) =>
        statements.filter((s) => /RETURNING/.test(s)),
      );
      expect(without).toEqual([]);
      expect(within).not.toEqual([]);
      expect(told.steps.map(([, answer]) => (Array.isArray(answer) ? answer.length : answer))).toEqual([
        2, 7, 1, 0, 3, 3, 0, 3, 0, 1, 1, 1, 0, 1, 0, 1,
      ]);
    } finally {
      await reference.close();
      await other.drop();
    }
  });

  it('records concurrent copies as one', async () => {
    const second = await StandaloneInbox.openWithDialect(portable[kind], database);
    const deliveries = Array.from({ length: 20 }, (_, n) => unrecorded({ sessionId: `session ${n % 4}` }));
    const verdicts = await Promise.all(
      deliveries.map((delivery, n) => (n % 2 ? inbox : second).deliveries.record([alone(delivery)])),
    );
    expect(verdictsOf(verdicts.flat()).toSorted()).toEqual([
      ...Array(4).fill('accepted'),
      ...Array(16).fill('duplicate'),
    ]);
    for (const { duplicates } of [inbox, second]) await duplicates.flush();
    expect((await inbox.rows()).map(({ duplicates }) => duplicates)).toEqual([4, 4, 4, 4]);
    await second.close();
  });

  it('writes a batch in the order of the keys, so that two batches do not deadlock', async () => {
    const deliveries = Array.from({ length: 20 }, () => unrecorded());
    const keys = deliveries.map(({ idempotencyKey }) => idempotencyKey);
    await inbox.deliveries.record(deliveries.map((delivery) => alone(delivery)));
    const insert = inbox.statements.findIndex((statement) => /^\s*INSERT INTO \S*delivery/.test(statement));
    const written = inbox.parameters[insert]?.join() ?? '';
    expect(keys.every((key) => written.includes(key))).toBe(true);
    expect(keys.toSorted((a, b) => written.indexOf(a) - written.indexOf(b))).toEqual(keys.toSorted());
  });

  it('returns a row to one claimer only', async () => {
    const deliveries = Array.from({ length: 40 }, () => unrecorded());
    await inbox.deliveries.record(deliveries.map((delivery) => alone(delivery)));
    const second = await StandaloneInbox.openWithDialect(portable[kind], database);
    const claims = await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        const lease = { claimId: `worker ${n}`, expiresAt: NOW + MINUTE };
        const claimed = await (n % 2 ? inbox : second).claims.claim(lease, NOW, 10);
        return claimed.map(({ id }) => ({ id, claim_id: lease.claimId }));
      }),
    );
    const handedOut = claims.flat().toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(new Set(handedOut.map(({ id }) => id)).size).toBe(handedOut.length);
    const owned = (await inbox.rows()).filter(({ state }) => state === 'processing');
    expect(owned.map(({ id, claim_id }) => ({ id, claim_id }))).toEqual(handedOut);
    await second.close();
  });
});

/** What the repository answers through the lives of some deliveries, and what is stored in the end. */
async function journal(inbox: StandaloneInbox) {
  const { deliveries: repository, states, claims, rescues } = inbox;
  const deliveries = Array.from({ length: 8 }, (_, n) => unrecorded({ sessionId: `session ${n}` }, NOW - 1_000 + n));
  const sessions = new Map(deliveries.map(({ id, sessionId }) => [id, sessionId]));
  const ids = deliveries.map(({ id }) => id);
  const [one, two, three] = ['one', 'two', 'three'].map((claimId, n) => ({
    claimId,
    expiresAt: NOW + (n + 1) * MINUTE,
  }));
  if (!one || !two || !three) throw new Error('there are three workers');
  const steps: [string, unknown][] = [];
  const say = (step: string, answer: unknown) => void steps.push([step, answer]);
  const sayClaimed = (step: string, claimed: ClaimedDelivery[]) =>
    say(
      step,
      claimed
        .map(({ id, ...fields }) => ({ ...fields, known: sessions.has(id) }))
        .toSorted((a, b) => (a.sessionId < b.sessionId ? -1 : 1)),
    );

  say(
    'born with a lease',
    verdictsOf(
      await repository.record(deliveries.slice(0, 2).map((delivery) => ({ delivery, lease: one, duplicates: 1 }))),
    ),
  );
  say(
    'a duplicate and the rest',
    verdictsOf(
      await repository.record(
        [unrecorded({ sessionId: 'session 1' }, NOW), ...deliveries.slice(2)].map((delivery) => alone(delivery)),
      ),
    ),
  );
  const conflict = alone(unrecorded({ sessionId: 'session 3', status: 'ERROR' }, NOW));
  say('a conflict', verdictsOf(await repository.record([conflict])));
  sayClaimed('nothing is due yet', await claims.claim(two, NOW - MINUTE, 10));
  sayClaimed('the oldest three', await claims.claim(two, NOW, 3));
  sayClaimed('the others', await claims.claim(three, NOW, 10));
  sayClaimed('no more', await claims.claim(three, NOW, 10));
  say('renewed', (await claims.renew(claimsOf('two', ...ids), NOW + 2 * MINUTE)).renewed.size);
  sayClaimed('none has expired', await rescues.rescueExpired(look(three, NOW, 10, [], false)));
  const first = ids.slice(0, 1);
  sayClaimed('expired, but one in flight', await rescues.rescueExpired(look(three, NOW + 90_000, 10, first, false)));
  sayClaimed('expired, and that one too', await rescues.rescueExpired(look(three, NOW + 90_000, 1, [], false)));
  say('finished', (await states.complete(claimsOf('three', ...first), 'completed', NOW)).written);
  say('finished by another', (await states.complete(claimsOf('one', ...ids), 'completed', NOW)).written);
  const later = NOW + 10 * MINUTE;
  const five = { claimId: 'five', expiresAt: later };
  sayClaimed(
    'left twice',
    await rescues.rescueExpired(look({ claimId: 'four', expiresAt: later }, later, 2, [], true)),
  );
  say('nothing poisoned yet', await rescues.deadLetterPoisoned(five, later, []));
  say('dead-lettered', await rescues.deadLetterPoisoned(five, later + 1, []));
  await inbox.duplicates.flush();
  return {
    steps,
    rows: (await inbox.rows()).map(({ id, ...row }) => ({
      ...row,
      delivery_id: undefined,
      known: sessions.has(String(id)),
    })),
  };
}

function look(lease: Lease, now: number, limit: number, except: readonly string[], suspects: boolean): RescueQuery {
  return { lease, now, limit, except, suspects };
}
