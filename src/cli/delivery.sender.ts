import { setTimeout as sleep } from 'node:timers/promises';
import { Semaphore } from '../concurrency/semaphore.js';
import { Cr3dentialsSimulator } from '../testing/cr3dentials.simulator.js';
import type { SimulatorOptions } from '../testing/simulator.options.js';
import { keepAliveFetch } from './keep-alive-fetch.js';
import type { Planned } from './plan.js';
import { SummaryCounter } from './summary.counter.js';

/** Limit of deliveries in progress. During an outage, all of them wait for their retries. */
const MAX_UNFINISHED_DELIVERIES = 50_000;

export interface DeliverySenderOptions {
  readonly endpoint: Omit<SimulatorOptions, 'fetch' | 'clock'>;
  readonly concurrency: number;
  /** Deliveries started per second. Undefined sets no limit. */
  readonly rate: number | undefined;
}

/** Sends many deliveries at the same time. A delivery that waits for its retry holds no connection. */
export class DeliverySender {
  readonly counter = new SummaryCounter();
  readonly #simulator: Cr3dentialsSimulator;
  readonly #connections: Semaphore;
  readonly #underWay = new Semaphore(MAX_UNFINISHED_DELIVERIES);
  readonly #rate: number | undefined;

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  constructor({ endpoint, concurrency, rate }: DeliverySenderOptions) {
    this.#connections = new Semaphore(concurrency);
    this.#rate = rate;
    this.#simulator = new Cr3dentialsSimulator({
      ...endpoint,
      fetch: keepAliveFetch(concurrency),
      clock: {
        now: () => performance.timeOrigin + performance.now(),
        sleep: async (milliseconds) => {
          this.#connections.release();
          await sleep(milliseconds);
          await this.#connections.acquire();
        },
      },
    });
  }

  /**
   * Sends all deliveries. Resolves when each has been delivered or given up.
   *
   * @param onEnd called after each delivery
   */
  async run(planned: Iterable<Planned>, onEnd: () => void): Promise<void> {
    const begun = performance.now();
    const ends = new WeakMap<Planned, Promise<void>>();
    const running = new Set<Promise<void>>();
    let index = 0;
    for (const one of planned) {
      if (this.#rate) await sleepUntil(begun + (index++ * 1_000) / this.#rate);
      await this.#underWay.acquire();
      const before = one.after && ends.get(one.after);
      if (!before) await this.#connections.acquire(); // never start more deliveries than there are connections
      const end = this.#deliver(one, before).finally(() => {
        this.#underWay.release();
        running.delete(end);
        onEnd();
      });
      ends.set(one, end);
      running.add(end);
    }
    await Promise.all(running);
  }

  async #deliver(one: Planned, before: Promise<void> | undefined): Promise<void> {
    if (before) await before.then(() => this.#connections.acquire());
    const delivery = await this.#simulator.deliver(one.body);
    this.#connections.release();
    this.counter.count(one, delivery);
  }
}

async function sleepUntil(moment: number): Promise<void> {
  const left = moment - performance.now();
  if (left > 1) await sleep(left); // timers have a resolution of 1 ms
}
