import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseKind } from '../support/database/databases.js';
import { clear, collect, settle } from './evidence.js';
import type { Fault } from './fault.js';
import { ACK_TIMEOUT, Fleet, LEASE } from './fleet.js';
import { sharedGround, type Ground } from './ground.js';
import type { HostProgram } from './instance.js';
import { Ledger } from './ledger.js';
import { Load } from './load.js';
import type { Random } from './random.js';
import { judge, type Verdict } from './verdict.js';

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

/** A database and hosts: trials take place here, one after the other. */
export class Arena {
  private constructor(
    private readonly fault: Fault,
    private readonly ground: Ground,
    private readonly fleet: Fleet,
    /** Milliseconds without a change until it is believed that nothing more comes. */
    private readonly calm: number,
    private readonly onTheWay: number,
  ) {}

  /** @param onTheWay milliseconds that an answer may take beside `ackTimeout` */
  static async open(fault: Fault, kind: DatabaseKind, program: HostProgram, onTheWay: number): Promise<Arena> {
    const ground = await (fault.open ?? sharedGround)(kind);
    const fleet = await Fleet.gather({
      ground,
      program,
      platform: 'express',
      size: fault.instances ?? 1,
      ackTimeout: ACK_TIMEOUT,
      handlersTake: fault.handlersTake ?? USUAL,
      clocksAreOff: fault.clocksAreOff?.(kind) ?? [],
    });
    return new Arena(fault, ground, fleet, program === 'documented' ? 1_000 : 60, onTheWay);
  }

  async hold(random: Random): Promise<Verdict> {
    await this.fleet.start();
    const ledger = new Ledger();
    const load = new Load(this.fleet.instances, ledger, random, ACK_TIMEOUT + GIVING_UP);
    try {
      await ledger.acknowledgements(WARM, FIRST_ANSWER);
      const over = await this.strike(random);
      const first = await ledger.firstAcknowledgement(over, FIRST_ANSWER);
      await sleep(random.whole(50, 150));
      await load.stop(SETTLING);
      const deadline = performance.now() + SETTLING;
      await settle(this.ground, this.calm, () => performance.now() > deadline);
      const evidence = await collect(this.ground);
      const facts = this.fleet.instances.flatMap((instance) => instance.facts());
      const firstAnswerAfter = first === undefined ? undefined : first - over;
      return judge({ posts: ledger.posts, facts, evidence, patience: ACK_TIMEOUT + this.onTheWay, firstAnswerAfter });
    } finally {
      await load.stop(0);
    }
  }

  /** Between two trials. */
  async tidy(): Promise<void> {
    for (const instance of this.fleet.instances) instance.forget();
    await clear(this.ground);
  }

  /** @returns where what the hosts said is kept, when it is to be */
  leave(keepsLogs: boolean): Promise<string | undefined> {
    return this.fleet.leave(keepsLogs);
  }

  private strike(random: Random): Promise<number> {
    return this.fault.strike({
      instances: this.fleet.instances,
      ground: this.ground,
      random,
      lease: LEASE,
      ackTimeout: ACK_TIMEOUT,
      pause: (from, to) => sleep(random.whole(from, to)),
    });
  }
}
