import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GroupCommitWriter } from '../../../src/inbox/group-commit.writer.js';
import { DeliveryHandoff } from '../../../src/inbox/delivery.handoff.js';
import { DeliveryRepository } from '../../../src/inbox/delivery.repository.js';
import type { ClaimedDelivery, NewDelivery } from '../../../src/inbox/claimed-delivery.js';
import { PlainTextCodec } from '../../../src/inbox/payload.codec.js';
import type { Recording, RecordingVerdict } from '../../../src/inbox/verdict.js';
import { TelemetryHooks } from '../../../src/instrumentation/telemetry.hooks.js';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import { Cancellation } from '../../../src/concurrency/cancellation.js';
import { withDeadline } from '../../../src/concurrency/with-timeout.js';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { StandaloneInbox, unrecorded, verdictsOf } from '../../support/database/standalone-inbox.js';
import { until } from '../../support/time/until.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const PATIENCE = 60_000;
const SLOW_MS = 20;
const TAKEN = { claimId: 'this worker', expiresAt: Number.MAX_SAFE_INTEGER };

type Batch = Parameters<DeliveryRepository['record']>[0];

/** Until the end of this turn of the event loop. */
const turn = (): Promise<void> => new Promise(setImmediate);

/** Keeps every batch until the test says what becomes of it. */
class WaitForTheTest extends DeliveryRepository {
  readonly batches: { rows: Batch; succeed(verdicts?: RecordingVerdict[]): void; fail(error: unknown): void }[] = [];

  override record(rows: Batch): Promise<Recording[]> {
    return new Promise((resolve, reject) => {
      const accepted = rows.map((): RecordingVerdict => 'accepted');
      const succeed = (verdicts = accepted) =>
        resolve(verdicts.map((verdict, n) => ({ verdict, deliveryId: rows[n]?.delivery.id ?? '' })));
      this.batches.push({ rows, succeed, fail: reject });
    });
  }
}

/** Records what it is given, unless one of the sessions is poisoned. */
class RefusePoisoned extends DeliveryRepository {
  readonly sizes: number[] = [];

  constructor(
    { connection, tables, duplicates }: StandaloneInbox,
    private readonly refusal: Error,
  ) {
    super(connection, tables, new PlainTextCodec(), duplicates);
  }

  override async record(rows: Batch): ReturnType<DeliveryRepository['record']> {
    this.sizes.push(rows.length);
    if (rows.some(({ delivery }) => delivery.sessionId.startsWith('poison'))) throw this.refusal;
    return super.record(rows);
  }
}

/** Takes its time to refuse. */
class RefuseSlowly extends RefusePoisoned {
  override async record(rows: Batch): ReturnType<DeliveryRepository['record']> {
    await sleep(SLOW_MS);
    return super.record(rows);
  }
}

class TakeEverything extends DeliveryHandoff {
  readonly taken: ClaimedDelivery[] = [];
  readonly abandoned: string[] = [];
  mostAtOnce = Infinity;
  announced = 0;
  reserved = 0;

  reserve(wanted: number) {
    const capacity = Math.min(wanted, this.mostAtOnce);
    this.reserved += capacity;
    return { capacity, lease: TAKEN };
  }

  release(capacity: number): void {
    this.reserved -= capacity;
  }

  abandon(ids: readonly string[]): void {
    this.reserved -= ids.length;
    this.abandoned.push(...ids);
  }

  submit(delivery: ClaimedDelivery): void {
    this.reserved--;
    this.taken.push(delivery);
  }

  notify(): void {
    this.announced++;
  }
}

describe('the group commit writer', () => {
  let database: TestDatabase;
  let inbox: StandaloneInbox;
  let repository: WaitForTheTest;
  let handoff: TakeEverything;
  let writer: GroupCommitWriter;

  beforeAll(async () => {
    database = await freshDatabase('sqlite');
    inbox = await StandaloneInbox.open(database);
  });

  afterAll(async () => {
    await inbox?.close();
    await database?.drop();
  });

  beforeEach(() => {
    repository = new WaitForTheTest(inbox.connection, inbox.tables, new PlainTextCodec(), inbox.duplicates);
    handoff = new TakeEverything();
    writer = writing(repository);
  });

  /** Nothing stays under way behind a test. */
  afterEach(() =>
    until('every insert has come back', () => {
      for (const { succeed } of repository.batches) succeed();
      return handoff.reserved === 0;
    }),
  );

  function writing(into: DeliveryRepository, ackTimeout = PATIENCE): GroupCommitWriter {
    const instrumentation = new Instrumentation();
    const telemetry = new TelemetryHooks([], instrumentation);
    return new GroupCommitWriter(into, inbox.connection, handoff, instrumentation, telemetry, { ackTimeout });
  }

  const written = () => repository.batches.map(({ rows }) => rows.map(({ delivery }) => delivery.sessionId));

  it('writes what one turn of the event loop brings while fewer than two inserts are under way', async () => {
    for (const sessions of [['a', 'b', 'c'], ['d']]) {
      for (const sessionId of sessions) void writer.record(unrecorded({ sessionId }));
      await turn();
    }
    expect(written()).toEqual([['a', 'b', 'c'], ['d']]);
  });

  it('gathers what arrives while two inserts are under way', async () => {
    const answers: Promise<Recording>[] = [];
    for (const sessionId of ['a', 'b', 'c', 'd']) {
      answers.push(writer.record(unrecorded({ sessionId })));
      await turn();
    }
    expect(written()).toEqual([['a'], ['b']]);
    repository.batches[1]?.succeed();
    expect(await answers[1]).toMatchObject({ verdict: 'accepted' });
    await until('what has gathered is written', () => repository.batches.length === 3);
    expect(written()).toEqual([['a'], ['b'], ['c', 'd']]);
    repository.batches[0]?.succeed();
    repository.batches[2]?.succeed(['duplicate', 'conflict']);
    expect(verdictsOf(await Promise.all(answers))).toEqual(['accepted', 'accepted', 'duplicate', 'conflict']);
    expect(handoff).toMatchObject({ reserved: 0, taken: [{ sessionId: 'b' }, { sessionId: 'a' }] });
  });

  it('answers nobody before the insert has returned', async () => {
    const settled: unknown[] = [];
    const answer = writer.record(unrecorded()).then(({ verdict }) => settled.push(verdict));
    await turn();
    expect(settled).toEqual([]);
    repository.batches[0]?.succeed();
    await answer;
    expect(settled).toEqual(['accepted']);
  });

  it('writes copies that wait together as one row with a count', async () => {
    await occupy();
    const same = { sessionId: 'same' };
    const answers = [1, 2, 3].map(() => writer.record(unrecorded(same)));
    repository.batches[0]?.succeed();
    await until('it is written', () => repository.batches.length === 3);
    expect(repository.batches[2]?.rows).toMatchObject([{ delivery: same, duplicates: 2, lease: TAKEN }]);
    repository.batches[2]?.succeed(['accepted']);
    expect(verdictsOf(await Promise.all(answers))).toEqual(['accepted', 'duplicate', 'duplicate']);
  });

  it('gives copies of a conflict that wait together the same answer', async () => {
    await occupy();
    const answers = [1, 2].map(() => writer.record(unrecorded({ sessionId: 'same' })));
    repository.batches[0]?.succeed();
    await until('it is written', () => repository.batches.length === 3);
    repository.batches[2]?.succeed(['conflict']);
    expect(verdictsOf(await Promise.all(answers))).toEqual(['conflict', 'conflict']);
  });

  it('claims as many rows as there is capacity for, and leaves the others to any worker', async () => {
    await occupy();
    const answers = ['a', 'b', 'c', 'd'].map((sessionId) => writer.record(unrecorded({ sessionId })));
    handoff.mostAtOnce = 2;
    repository.batches[0]?.succeed();
    await until('they are written', () => repository.batches.length === 3);
    expect(repository.batches[2]?.rows.map(({ lease }) => lease)).toEqual([TAKEN, TAKEN, undefined, undefined]);
    repository.batches[2]?.succeed(['accepted', 'duplicate', 'accepted', 'duplicate']);
    await Promise.all(answers);
    expect(handoff.taken.map(({ sessionId }) => sessionId)).toEqual(['occupied 1', 'a']);
    expect(handoff).toMatchObject({ announced: 1, reserved: 1 }); // for what occupies still
  });

  it('writes other content for the same session with a later insert', async () => {
    await occupy();
    const answers = ['one', 'two', 'three'].map((proofHash) =>
      writer.record(unrecorded({ sessionId: 's', proofHash })),
    );
    repository.batches[0]?.succeed();
    repository.batches[1]?.succeed();
    await until('two of them are written', () => repository.batches.length === 4);
    repository.batches[2]?.succeed();
    repository.batches[3]?.succeed(['conflict']);
    await until('the third is', () => repository.batches.length === 5);
    repository.batches[4]?.succeed(['conflict']);
    expect(verdictsOf(await Promise.all(answers))).toEqual(['accepted', 'conflict', 'conflict']);
    expect(written().slice(2)).toEqual([['s'], ['s'], ['s']]);
  });

  it('writes a payload of more than 1 MiB alone', async () => {
    await occupy();
    const text = 'x'.repeat(2 * 1024 * 1024);
    for (const sessionId of ['before', 'large', 'after'])
      void writer.record(unrecorded({ sessionId, ...(sessionId === 'large' && { extractedData: { text } }) }));
    for (const n of [0, 1, 2]) {
      repository.batches[n]?.succeed();
      await until('the next is written', () => repository.batches.length >= Math.min(5, n + 3));
    }
    expect(written().slice(2)).toEqual([['before'], ['large'], ['after']]);
  });

  it('drops a queued row once all of its senders are answered', async () => {
    await occupy();
    const deadline = new Cancellation();
    const answers = ['given up', 'asked again'].map((sessionId) => writer.record(unrecorded({ sessionId }), deadline));
    void writer.record(unrecorded({ sessionId: 'asked again' }));
    deadline.cancel('too late');
    expect(await Promise.allSettled(answers)).toEqual(answers.map(() => ({ status: 'rejected', reason: 'too late' })));
    repository.batches[0]?.succeed();
    await until('the rest is written', () => repository.batches.length === 3);
    expect(repository.batches[2]?.rows).toMatchObject([{ delivery: { sessionId: 'asked again' }, duplicates: 0 }]);
    repository.batches[2]?.succeed();
    repository.batches[1]?.succeed();
    await until('everything has come back', () => handoff.reserved === 0);
    expect(repository.batches).toHaveLength(3);
  });

  it('accumulates neither inserts nor queued rows while no insert returns', async () => {
    let posts = 0;
    await until('many more have been given up than there are connections', () => {
      void recordWeakly();
      return ++posts === 60;
    });
    expect(repository.batches.length).toBeLessThanOrEqual(2);
    const answered = Array.from({ length: 20 }, () => recordWeakly());
    await until('they are forgotten', () => {
      collectGarbage();
      return answered.every((delivery) => delivery.deref() === undefined);
    });
  });

  it.each([1, 2, 7])('records the neighbours of %d poisoned rows', async (poisoned) => {
    const refusal = Object.assign(new Error('no'), { code: 'SQLITE_CONSTRAINT_CHECK' });
    const poisonous = new RefusePoisoned(inbox, refusal);
    writer = writing(poisonous);
    const sessions = Array.from(
      { length: 100 },
      (_, n) => `${n % 14 === 3 && n / 14 < poisoned ? 'poison' : 'fine'} ${poisoned} ${n}`,
    );
    const results = await Promise.allSettled(sessions.map((sessionId) => writer.record(unrecorded({ sessionId }))));
    const [refused, recorded] = [true, false].map((is) =>
      results.filter((__, n) => sessions[n]?.startsWith('poison') === is),
    );
    expect(recorded).toEqual(
      recorded?.map(() => ({ status: 'fulfilled', value: { verdict: 'accepted', deliveryId: expect.any(String) } })),
    );
    const unavailable = { status: 'rejected', reason: { code: 'INBOX_UNAVAILABLE', cause: refusal } };
    expect(refused).toMatchObject(Array.from({ length: poisoned }, () => unavailable));
    expect(Math.max(...poisonous.sizes)).toBe(100);
    expect(poisonous.sizes.length).toBeLessThanOrEqual(1 + poisoned * 2 * Math.ceil(Math.log2(100)));
    expect(handoff).toMatchObject({ reserved: 0 });
    expect(handoff.taken).toHaveLength(100 - poisoned);
  });

  it('splits a batch only as long as somebody waits, although every statement is cancelled', async () => {
    const cancelled = Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' });
    const slow = new RefuseSlowly(inbox, cancelled);
    writer = writing(slow, 200);
    const answers = Array.from({ length: 200 }, (_, n) => writer.record(unrecorded({ sessionId: `poison slow ${n}` })));
    const results = await Promise.allSettled(answers);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(slow.sizes.length).toBeLessThanOrEqual(1 + 200 / SLOW_MS + Math.ceil(Math.log2(200)));
    expect(handoff).toMatchObject({ reserved: 0, taken: [] });
  });

  it('does not split a batch because the database is down', async () => {
    const refusal = Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
    const poisonous = new RefusePoisoned(inbox, refusal);
    writer = writing(poisonous);
    const answers = Array.from({ length: 50 }, () =>
      writer.record(unrecorded({ sessionId: `poison ${Math.random()}` })),
    );
    const results = await Promise.allSettled(answers);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(poisonous.sizes).toEqual([50]);
    expect(handoff).toMatchObject({ reserved: 0, taken: [] });
  });

  function recordWeakly(): WeakRef<NewDelivery> {
    const delivery = unrecorded();
    const record = (deadline: Cancellation) => writer.record(delivery, deadline);
    void withDeadline(record, 10, () => new Error('too late')).catch(() => undefined);
    return new WeakRef(delivery);
  }

  /** Both inserts that may be under way are. */
  async function occupy(): Promise<void> {
    for (const n of [1, 2]) {
      void writer.record(unrecorded({ sessionId: `occupied ${n}` }));
      await turn();
    }
    expect(written()).toEqual([['occupied 1'], ['occupied 2']]);
  }
});
