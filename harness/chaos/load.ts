import { Cr3dentialsSimulator, verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { FAILS_AT_FIRST, FAILS_FOR_GOOD, PATH, SECRET } from './hosts/host-settings.js';
import type { Instance } from './instance.js';
import type { History } from './history.js';
import type { Random } from './random.js';
import { Sender } from './sender.js';

/** The provider waits longer; a short delay shows more exactly when answers return. */
const RETRY_DELAY_MS = 100;
const SENDERS = 12;
/** Longest pause between two deliveries of one sender. */
const MAX_PAUSE_MS = 30;

/** Sends sessions, some of them twice or with a contradiction, until it is stopped. */
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
    answerTimeoutMs: number,
  ) {
    setMaxListeners(0, this.#ended.signal); // every sender that waits listens
    this.#sender = new Sender(instances, history);
    this.#simulator = new Cr3dentialsSimulator({
      url: `http://127.0.0.1${PATH}`,
      secret: SECRET,
      timeout: answerTimeoutMs,
      retries: 10_000,
      initialDelay: RETRY_DELAY_MS,
      factor: 1,
      fetch: this.#sender.fetch,
      clock: { now: () => performance.now(), sleep: (ms) => sleep(ms, undefined, { signal: this.#ended.signal }) },
    });
    this.#senders = Array.from({ length: SENDERS }, () => this.#send());
  }

  /** Begins no new session; sends the begun ones until they are acknowledged, or `timeoutMs` has passed. */
  async stop(timeoutMs: number): Promise<void> {
    this.#isStopping = true;
    const timer = setTimeout(() => this.#ended.abort(), timeoutMs);
    await Promise.all(this.#senders);
    clearTimeout(timer);
    this.#ended.abort();
    this.#sender.close();
  }

  async #send(): Promise<void> {
    while (!this.#isStopping) {
      await this.#sendOne().catch(() => {}); // given up
      await sleep(this.random.next() * MAX_PAUSE_MS);
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
