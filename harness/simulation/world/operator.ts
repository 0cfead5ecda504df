import { SeededRandom } from '../../../src/testing/seeded-random.js';
import type { Audit } from '../audit.js';
import { handlerIds } from './handler-ids.js';
import type { History } from './history.js';
import type { Instance } from './instance.js';
import type { World } from './world.js';

/** Replays, discards and accepts, as an operator would who has seen too little. */
export class Operator {
  readonly #random: SeededRandom;

  constructor(
    private readonly world: World,
    private readonly history: History,
    private readonly audit: Audit,
    private readonly instances: () => readonly Instance[],
  ) {
    this.#random = new SeededRandom(`operator ${world.settings.seed}`);
  }

  start(): void {
    for (const at of this.world.settings.actions) this.world.scheduler.after(at, () => this.#act());
  }

  async #act(): Promise<void> {
    const random = this.#random;
    const instance = this.instances().find(({ isReady, process }) => isReady && process.isAlive);
    const { deliveries } = await this.audit.state();
    const rejections = await this.audit.rejections();
    const delivery = deliveries[random.whole(0, Math.max(0, deliveries.length - 1))];
    const rejection = rejections[random.whole(0, Math.max(0, rejections.length - 1))];
    const draw = random.next();
    if (!instance) return;
    if (rejection && draw < 0.5) this.#accept(instance, rejection);
    else if (delivery && draw < 0.65) this.#replayByName(instance, delivery);
    else if (delivery && draw < 0.9)
      this.#perform(instance, `replay ${delivery.session}`, () => instance.inbox.replay(delivery.id));
    else if (delivery) this.#discard(instance, delivery);
  }

  #accept(instance: Instance, { id, session }: { id: string; session: string }): void {
    const { superseded } = this.history;
    superseded.set(session, (superseded.get(session) ?? 0) + 1); // even if the answer is lost
    this.#perform(instance, `accept ${session}`, () => instance.inbox.rejections.accept(id));
  }

  #replayByName(instance: Instance, { id, session }: { id: string; session: string }): void {
    const handler = handlerIds.old[this.#random.whole(0, 1)] ?? 'ledger';
    this.history.replayed(session, handler);
    this.#perform(instance, `replay ${session} for ${handler}`, () =>
      instance.inbox.replay(id, { handlers: [handler] }),
    );
  }

  #discard(instance: Instance, { id, session }: { id: string; session: string }): void {
    this.history.discarded.add(session);
    this.#perform(instance, `discard ${session}`, () => instance.inbox.discard(id));
  }

  #perform(instance: Instance, what: string, action: () => Promise<string>): void {
    const { scheduler } = this.world;
    const tell = (answer: string) => this.world.trace(`OPERATOR ${what}: ${answer}`, instance.process);
    scheduler.after(0, () => void action().then(tell, (error: unknown) => tell(String(error))), instance.process);
  }
}
