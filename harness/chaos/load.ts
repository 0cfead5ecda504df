import { Cr3dentialsSimulator, verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { FAILS_AT_FIRST, FAILS_FOR_GOOD, PATH, SECRET } from './hosts/setting.js';
import type { Instance } from './instance.js';
import type { History } from './history.js';
import type { Random } from './random.js';
import { Sender } from './sender.js';

/** How long the sender waits before it sends again. The provider waits longer; this sees better when answers return. */
const BETWEEN_ATTEMPTS = 100;
const SENDERS = 12;
/** Between two deliveries of one sender. */
const PAUSE = 30;

/** The provider in a hurry: sends sessions, some of them twice or with a contradiction, until it is told to stop. */
export class Load {
  readonly #sender: Sender;
  readonly #ended = new AbortController();
  readonly #simulator: Cr3dentialsSimulator;
  readonly #senders: Promise<void>[];
  #isStopping = false;

  constructor(
    instances: readonly Instance[],
    history: History,
    private readonly random: Random,
    /** How long an answer is waited for. */
    timeout: number,
  ) {
    setMaxListeners(0, this.#ended.signal); // every sender that waits listens
    this.#sender = new Sender(instances, history);
    this.#simulator = new Cr3dentialsSimulator({
      url: `http://127.0.0.1${PATH}`,
      secret: SECRET,
      timeout,
      retries: 10_000,
      initialDelay: BETWEEN_ATTEMPTS,
      factor: 1,
      fetch: this.#sender.fetch,
      clock: { now: () => performance.now(), sleep: (ms) => sleep(ms, undefined, { signal: this.#ended.signal }) },
    });
    this.#senders = Array.from({ length: SENDERS }, () => this.#send());
  }

  /** No new sessions; what has been begun is sent until it is acknowledged, or given up when patience ends. */
  async stop(patience: number): Promise<void> {
    this.#isStopping = true;
    const timer = setTimeout(() => this.#ended.abort(), patience);
    await Promise.all(this.#senders);
    clearTimeout(timer);
    this.#ended.abort();
    this.#sender.close();
  }

  async #send(): Promise<void> {
    while (!this.#isStopping) {
      await this.#sendOne().catch(() => {}); // given up
      await sleep(this.random.next() * PAUSE);
    }
  }

  async #sendOne(): Promise<unknown> {
    const payload = this.#payload();
    const { misbehave } = this.#simulator;
    const chance = this.random.next();
    if (chance < 0.04) return misbehave.conflictingDelivery(payload);
    if (chance < 0.15) return misbehave.duplicateBurst(payload, this.random.whole(2, 4));
    return this.#simulator.deliver(payload);
  }

  #payload() {
    const seed = this.random.hex(24);
    const chance = this.random.next();
    if (chance < 0.02) return verificationPayload({ seed, externalReferenceId: FAILS_FOR_GOOD });
    if (chance < 0.06) return verificationPayload({ seed, externalReferenceId: FAILS_AT_FIRST });
    return verificationPayload({ seed });
  }
}
