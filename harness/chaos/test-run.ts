import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseKind } from '../../test/support/database/databases.js';
import { clearTables, readFinalState, waitForQuiet } from './final-state.js';
import type { Fault } from './fault.js';
import { waitForOpenTransactions } from './open-transactions.js';
import { ACK_TIMEOUT_MS, Cluster, LEASE_MS } from './cluster.js';
import { openSharedDatabase, type DatabaseUnderTest } from './database-under-test.js';
import type { HostProgram } from './instance.js';
import { History } from './history.js';
import { Load } from './load.js';
import type { Random } from './random.js';
import { check, type TrialResult } from './checker.js';

/** Longest run of a handler, unless the fault asks for slow ones. */
const MAX_HANDLER_MS = 40;
/** Every delivery must have ended within this after the last post: several leases, one after the other. */
const SETTLE_TIMEOUT_MS = 20_000;
/** Acknowledged before a fault is injected: a process that has just started is slow. */
const WARM_UP_DELIVERIES = 40;
/** Added to `ackTimeout` for the sender, which waits longer than any answer may take. */
const SENDER_MARGIN_MS = 8_000;
/** The documented handler works in memory, where the database does not show what waits. */
const QUIET_PERIOD_MS = { inInbox: 60, inMemory: 1_000 };
const FIRST_ANSWER_TIMEOUT_MS = 10_000;

/** One fault on one database, with a cluster of hosts that its trials share, one after the other. */
export class TestRun {
  private constructor(
    private readonly fault: Fault,
    private readonly database: DatabaseUnderTest,
    private readonly cluster: Cluster,
    /** After this time without a change, nothing more is expected. */
    private readonly quietPeriodMs: number,
    private readonly answerMarginMs: number,
  ) {}

  /** @param answerMarginMs added to `ackTimeout` for every answer */
  static async setUp(fault: Fault, kind: DatabaseKind, program: HostProgram, answerMarginMs: number): Promise<TestRun> {
    const database = await (fault.openDatabase ?? openSharedDatabase)(kind);
    const cluster = await Cluster.start({
      database,
      program,
      platform: 'express',
      size: fault.instances ?? 1,
      ackTimeoutMs: ACK_TIMEOUT_MS,
      slowHandlerMs: fault.slowHandlerMs ?? MAX_HANDLER_MS,
      clockOffsetsMs: fault.clockOffsetsMs?.(kind) ?? [],
      handlers: fault.handlers ?? [],
      namespaces: database.namespaces,
    });
    return new TestRun(
      fault,
      database,
      cluster,
      program === 'documented' ? QUIET_PERIOD_MS.inMemory : QUIET_PERIOD_MS.inInbox,
      answerMarginMs,
    );
  }

  /** Injects the fault once under load, waits until the database is quiet, and checks what is left. */
  async runTrial(random: Random): Promise<TrialResult> {
    await this.cluster.startStopped();
    const history = new History();
    const load = new Load(this.cluster.instances, history, random, ACK_TIMEOUT_MS + SENDER_MARGIN_MS);
    try {
      await history.waitForAcknowledgements(WARM_UP_DELIVERIES, FIRST_ANSWER_TIMEOUT_MS);
      const over = await this.inject(random);
      const first = await history.waitForAcknowledgementAfter(over, FIRST_ANSWER_TIMEOUT_MS);
      await sleep(random.whole(50, 150));
      await load.stop(SETTLE_TIMEOUT_MS);
      const deadline = performance.now() + (this.fault.settleTimeoutMs ?? SETTLE_TIMEOUT_MS);
      await waitForQuiet(this.database, this.quietPeriodMs, () => performance.now() > deadline);
      const finalState = await readFinalState(this.database);
      const openTransactions = await waitForOpenTransactions(this.database);
      const handlerEvents = this.cluster.instances.flatMap((instance) => instance.handlerEvents());
      const firstAnswerAfter = first === undefined ? undefined : first - over;
      return check({
        posts: history.posts,
        handlerEvents,
        announcements: this.cluster.instances.flatMap((instance) => instance.announcements()),
        finalState,
        openTransactions,
        maxAnswerMs: ACK_TIMEOUT_MS + this.answerMarginMs,
        firstAnswerAfter,
        mayEndLeasesEarly: this.fault.mayEndLeasesEarly ?? false,
        nestsTransactions: this.fault.handlers?.includes('nesting') ?? false,
      });
    } finally {
      await load.stop(0);
    }
  }

  /** Forgets the last trial, so that the next begins empty. */
  async reset(): Promise<void> {
    for (const instance of this.cluster.instances) instance.reset();
    await clearTables(this.database);
  }

  /** @returns the folder of the hosts' logs when they are kept */
  tearDown(keepsLogs: boolean): Promise<string | undefined> {
    return this.cluster.tearDown(keepsLogs);
  }

  private inject(random: Random): Promise<number> {
    return this.fault.inject({
      instances: this.cluster.instances,
      database: this.database,
      random,
      leaseMs: LEASE_MS,
      ackTimeoutMs: ACK_TIMEOUT_MS,
      pause: (from, to) => sleep(random.whole(from, to)),
    });
  }
}
