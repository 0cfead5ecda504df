import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseKind } from '../../test/support/databases.js';
import { clearTables, readFinalState, waitForQuiet } from './final-state.js';
import type { Fault } from './fault.js';
import { ACK_TIMEOUT, Cluster, LEASE } from './cluster.js';
import { openSharedDatabase, type DatabaseUnderTest } from './database-under-test.js';
import type { HostProgram } from './instance.js';
import { History } from './history.js';
import { Load } from './load.js';
import type { Random } from './random.js';
import { check, type TrialResult } from './checker.js';

/** Milliseconds that a handler takes at most. */
const USUAL = 40;
/** Until everything must have come to its end once nothing is sent any more: several leases, one after the other. */
const SETTLING = 20_000;
/** What is acknowledged before a fault may come: a process that has just begun is slow. */
const WARM = 40;
/** What the sender waits longer than `ackTimeout`: more than any answer may take on its way. */
const GIVING_UP = 8_000;
/** How long the first answer after a fault is waited for. */
const FIRST_ANSWER = 10_000;

/** One fault on one database, with a cluster of hosts that its trials share, one after the other. */
export class TestRun {
  private constructor(
    private readonly fault: Fault,
    private readonly database: DatabaseUnderTest,
    private readonly cluster: Cluster,
    /** Milliseconds without a change until it is believed that nothing more comes. */
    private readonly quietPeriodMs: number,
    private readonly onTheWay: number,
  ) {}

  /** @param onTheWay milliseconds that an answer may take beside `ackTimeout` */
  static async setUp(fault: Fault, kind: DatabaseKind, program: HostProgram, onTheWay: number): Promise<TestRun> {
    const database = await (fault.openDatabase ?? openSharedDatabase)(kind);
    const cluster = await Cluster.start({
      database,
      program,
      platform: 'express',
      size: fault.instances ?? 1,
      ackTimeout: ACK_TIMEOUT,
      handlersTake: fault.handlersTake ?? USUAL,
      clocksAreOff: fault.clocksAreOff?.(kind) ?? [],
    });
    return new TestRun(fault, database, cluster, program === 'documented' ? 1_000 : 60, onTheWay);
  }

  /** Injects the fault once under load, waits until the database is quiet, and checks what is left. */
  async runTrial(random: Random): Promise<TrialResult> {
    await this.cluster.startStopped();
    const history = new History();
    const load = new Load(this.cluster.instances, history, random, ACK_TIMEOUT + GIVING_UP);
    try {
      await history.waitForAcknowledgements(WARM, FIRST_ANSWER);
      const over = await this.strike(random);
      const first = await history.waitForAcknowledgementAfter(over, FIRST_ANSWER);
      await sleep(random.whole(50, 150));
      await load.stop(SETTLING);
      const deadline = performance.now() + SETTLING;
      await waitForQuiet(this.database, this.quietPeriodMs, () => performance.now() > deadline);
      const finalState = await readFinalState(this.database);
      const handlerEvents = this.cluster.instances.flatMap((instance) => instance.handlerEvents());
      const firstAnswerAfter = first === undefined ? undefined : first - over;
      return check({
        posts: history.posts,
        handlerEvents,
        finalState,
        maxAnswerMs: ACK_TIMEOUT + this.onTheWay,
        firstAnswerAfter,
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

  private strike(random: Random): Promise<number> {
    return this.fault.strike({
      instances: this.cluster.instances,
      database: this.database,
      random,
      lease: LEASE,
      ackTimeout: ACK_TIMEOUT,
      pause: (from, to) => sleep(random.whole(from, to)),
    });
  }
}
