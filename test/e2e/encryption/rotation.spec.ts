import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RejectionSummary } from 'nestjs-cr3dentials-webhook';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { sealedWith } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { until } from '../../support/time/until.js';

const SENDERS = 8;
const PAUSE_MS = 20;
const MINUTE_MS = 60_000;

type Body = Record<string, unknown>;

/** Sends to the instances by turns, and to another one when an instance is being restarted, as a balancer does. */
class Senders {
  readonly bodies: Body[] = [];
  readonly refused: number[] = [];
  #isStopping = false;
  #turn = 0;
  #running: Promise<unknown> = Promise.resolve();

  constructor(private readonly instances: readonly WebhookApp[]) {}

  start(): void {
    this.#isStopping = false;
    this.#running = Promise.all(Array.from({ length: SENDERS }, () => this.run()));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  /** Each session once, then a repetition and other content. */
  private async run(): Promise<void> {
    while (!this.#isStopping) {
      const body = payload();
      await this.send(body);
      await this.send(body);
      await this.send({ ...body, status: 'ERROR' });
      this.bodies.push(body);
      await sleep(PAUSE_MS); // each is looked at in the end
    }
  }

  private async send(body: Body): Promise<void> {
    for (;;) {
      const app = this.instances[this.#turn++ % this.instances.length];
      const status = await app?.post(body).then(
        (answer) => answer.status,
        () => 503, // it has closed
      );
      if (status === 200) return;
      if (status !== 503) this.refused.push(Number(status));
    }
  }
}

describe.each(databases)('a key is rotated, on %s', (kind) => {
  const host = freshHost(kind);

  it('while two instances receive: every session is handled once, and verdicts are as without it', async () => {
    const clock = new MovingClock();
    const stopped: WebhookApp[] = [];
    const start = (keys: string[], current = keys[0]) =>
      host.start((a) => sealedWith(keys, { current })(a.withClock(clock)).withHandlers(RememberEvents));
    const instances = [await start(['k-1']), await start(['k-1'])];
    const senders = new Senders(instances);
    senders.start();
    const moreThan = (count: number) => until('more has been sent', () => senders.bodies.length > count);

    /** Restarts one instance after the other. */
    async function deploy(...given: Parameters<typeof start>): Promise<void> {
      for (const n of [0, 1]) {
        const old = instances[n];
        if (!old) continue;
        stopped.push(old);
        await host.stop(old);
        instances[n] = await start(...given);
        await moreThan(senders.bodies.length + 10);
      }
    }

    const allCompleted = async (): Promise<void> => {
      for (const { sessionId } of senders.bodies) await instances[0]?.delivery(sessionId, 'completed');
    };

    await moreThan(10);
    await deploy(['k-2', 'k-1'], 'k-1'); // 1: every instance knows it
    await deploy(['k-2', 'k-1']); // 2: it seals
    const [{ inbox }] = instances as [WebhookApp];
    expect(await inbox.encryption.reseal()).toBe('done'); // 3
    await senders.stop();
    await allCompleted(); // the clock of both is set: to the other, the lease of what one is handling would be over
    clock.advance(6 * MINUTE_MS);
    senders.start();
    const { keys } = await inbox.encryption.status(); // 4
    expect(keys[0]).toMatchObject({ id: 'k-1', deliveries: 0, rejections: 0, errors: 0, safeToRemove: true });
    expect(await inbox.encryption.forget('k-1')).toBe('forgotten'); // 5
    await deploy(['k-2']);
    await senders.stop();

    await allCompleted();
    const [app] = instances as [WebhookApp];
    const handled = [...stopped, ...instances].flatMap(({ nest }) => nest.get(RememberEvents).sessionIds);
    const sessions = senders.bodies.map(({ sessionId }) => sessionId);
    expect(handled.toSorted()).toEqual(sessions.toSorted());
    expect(senders.refused).toEqual([]);
    const conflicts: RejectionSummary[] = [];
    for await (const conflict of app.inbox.rejections.each()) conflicts.push(conflict);
    expect(conflicts.map(({ reason, sessionId }) => `${reason} ${sessionId}`).toSorted()).toEqual(
      sessions.map((sessionId) => `conflict ${String(sessionId)}`).toSorted(),
    );
    expect(conflicts.filter(({ contents }) => contents !== 'readable')).toEqual([]);
    const found = await Promise.all(sessions.map((sessionId) => app.inbox.find({ sessionId: String(sessionId) })));
    expect(found.filter((delivery) => delivery?.contents !== 'readable' || delivery.duplicates < 1)).toEqual([]);
    expect(app.logger.matching(/KEY_MISSING|SEAL_BROKEN/)).toEqual([]);
  }, 120_000);

  it('control: an instance that was not told of it first leaves deliveries to others, and says so', async () => {
    const clock = new MovingClock();
    const knowing = await host.start((a) => sealedWith(['k-1'])(a).withOptions(RECEIVE_ONLY));
    await host.stop(knowing);
    const ahead = await host.start((a) => sealedWith(['k-2', 'k-1'])(a).withOptions(RECEIVE_ONLY));
    const behind = await host.start((a) => sealedWith(['k-1'])(a.withClock(clock)).withHandlers(RememberEvents));
    const body = payload();
    expect((await ahead.post(body)).status).toBe(200);
    await until('it says so', () => behind.logger.matching(/^ERROR KEY_MISSING: .*"k-2"/)[0]);
    expect(await behind.delivery(body.sessionId, 'pending')).toMatchObject({ contents: 'key-missing', dispatches: 0 });
    expect((await behind.post(body)).status).toBe(200); // its hash needs the lookup secret only
    expect(await behind.inbox.rejections.list()).toEqual([]);
    expect(behind.nest.get(RememberEvents).events).toEqual([]);
    await host.stop(behind);
    const told = await host.start((a) => sealedWith(['k-2', 'k-1'])(a.withClock(clock)).withHandlers(RememberEvents));
    clock.advance(MINUTE_MS + 1_000);
    await told.delivery(body.sessionId, 'completed');
    expect(told.nest.get(RememberEvents).sessionIds).toEqual([body.sessionId]);
  });
});
