import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, PermanentError, VerificationErrored } from 'nestjs-cr3dentials-webhook';
import { ErasureSweeper } from '../../../src/retention/erasure.sweeper.js';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { keyOf, sealedWith } from '../../support/app/keys.js';
import { countMoments, killAt, momentsOf, type Operation } from '../../support/app/operation-process.js';
import { payload } from '../../support/app/payload.js';
import { testEncryption } from '../../support/app/test-encryption.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { dumpRows, type Dump } from '../../support/database/dump.js';
import { MovingClock } from '../../support/time/moving-clock.js';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const TIMEOUT_MS = 600_000; // at every moment

type Body = Record<string, unknown>;

@Injectable()
class FailForGood {
  @OnVerification(VerificationErrored, { id: 'fail-for-good' })
  handle(): never {
    throw new PermanentError('secret-word-5512');
  }
}

async function sent(app: WebhookApp, count: number, more: object = {}): Promise<Body[]> {
  const bodies = Array.from({ length: count }, () => payload({ completedAt: null, ...more }));
  const answers = await Promise.all(bodies.map((body) => app.post(body)));
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  return bodies;
}

const keysOf = (generation: number) => [`k-${generation + 1}`, `k-${generation}`];

function resealTo(generation: number): Operation {
  const keys = keysOf(generation).map((id) => ({ id, value: keyOf(id).value.toString('base64url') }));
  return { name: 'reseal', options: { encryption: { keys, current: `k-${generation + 1}` } } };
}

const erase = (reference: string): Operation => ({
  name: 'erase',
  options: { encryption: testEncryption },
  subject: { externalReferenceId: reference },
});

describe.each(databases)('a process killed at any moment, on %s', (kind) => {
  const host = freshHost(kind);
  const dump = () => dumpRows(host.database);

  /** A row of facts has a state, and is empty exactly if that says so. */
  async function assertWhole(moment: number): Promise<void> {
    const { delivery, delivery_state: states } = await dump();
    const purgedAt = new Map(states.map((row) => [row.delivery_id, row.purged_at]));
    const torn = delivery.filter(({ id, raw_body: body }) => (body === '') !== (purgedAt.get(id) !== null));
    expect([moment, torn, states.length]).toEqual([moment, [], delivery.length]);
  }

  async function assertUntouched(moment: number, before: Dump): Promise<void> {
    expect([moment, await dump()]).toEqual([moment, before]);
  }

  /** An app whose clock is so far ahead that the leases of those who were killed are over. */
  const later = async (configure: Parameters<typeof host.start>[0] = (a) => a) => {
    const clock = new MovingClock();
    clock.advance(61_000);
    const app = await host.start((a) => configure(a).withOptions(RECEIVE_ONLY).withClock(clock));
    return { app, clock };
  };

  it(
    'of a reseal loses nothing, and the next reseal goes on',
    async () => {
      const first = await host.start((a) => sealedWith(['k-0'])(a).withHandlers(FailForGood));
      const bodies = [...(await sent(first, 210)), ...(await sent(first, 1, { status: 'ERROR' }))];
      await first.delivery(bodies.at(-1)?.sessionId, 'dead');
      for (const { sessionId } of bodies.slice(0, -1)) await first.delivery(sessionId, 'unhandled');
      await first.post({ ...bodies[0], status: 'CANCELLED' }); // a conflict
      await first.post(payload({ status: 'NEW' }));
      await host.stop(first);

      async function assertComplete(app: WebhookApp): Promise<void> {
        const found = await Promise.all(bodies.map((body) => app.inbox.find({ sessionId: String(body.sessionId) })));
        expect(found.map((delivery) => JSON.parse(String(delivery?.rawBody)) as Body)).toEqual(bodies);
        const dead = await app.inbox.find({ sessionId: String(bodies.at(-1)?.sessionId) });
        expect(dead?.runs).toMatchObject([{ lastError: 'PermanentError: secret-word-5512' }]);
        const rejections = await app.rejections();
        expect(rejections.map(({ reason, contents }) => `${reason} ${contents}`).toSorted()).toEqual([
          'conflict readable',
          'unknown-status readable',
        ]);
        const counts = { unhandled: bodies.length - 1, dead: 1, openRejections: 2 };
        expect(await app.inbox.stats()).toMatchObject(counts);
      }

      const total = await countMoments(host.database, resealTo(0));
      let generation = 1;
      for (const moment of momentsOf(total)) {
        await killAt(moment, host.database, resealTo(generation));
        const { app } = await later(sealedWith(keysOf(generation)));
        await assertComplete(app);
        expect([moment, await app.inbox.encryption.reseal()]).toEqual([moment, 'done']);
        const { keys } = await app.inbox.encryption.status();
        const left = keys.filter(({ deliveries, rejections, errors }) => deliveries + rejections + errors > 0);
        generation++;
        expect(left).toMatchObject([{ id: `k-${generation}`, deliveries: 211, rejections: 2, errors: 2 }]);
        await host.stop(app);
      }
      await assertComplete((await later(sealedWith([`k-${generation}`]))).app);
    },
    TIMEOUT_MS,
  );

  it(
    'of an erasure leaves all, or nothing once another instance has gone on; nobody comes back',
    async () => {
      const { app, clock } = await later();
      const sweep = () => app.nest.get(ErasureSweeper, { strict: false }).run();
      const receiver = await host.start((a) => a.withOptions(RECEIVE_ONLY)); // its clock is that of the processes
      const bystanders = await sent(receiver, 3);
      const fill = async (reference: string) => {
        const bodies = await sent(receiver, 8, { externalReferenceId: reference });
        await receiver.post({ ...bodies[0], status: 'ERROR' }); // a conflict
        await receiver.post(payload({ status: 'NEW', externalReferenceId: reference }));
        return bodies;
      };

      /** Another instance goes on, and looks once more. */
      async function assertErased(moment: number, reference: string, bodies: readonly Body[]): Promise<void> {
        for (let times = 0; times < 2; times++) {
          clock.advance(HOUR_MS);
          await sweep();
        }
        const [record] = await app.inbox.erasures.list({ limit: 1 });
        expect([moment, record]).toMatchObject([moment, { state: 'swept', deliveries: 8, rejections: 2 }]);
        const after = await dump();
        for (const word of [reference, ...bodies.map(({ sessionId }) => String(sessionId))])
          expect(JSON.stringify(after)).not.toContain(word);
        for (const body of bodies) expect((await app.post(body)).status).toBe(200); // the provider's late retries
        expect((await dump()).delivery).toEqual(after.delivery);
      }

      await fill('reference-0');
      const total = await countMoments(host.database, erase('reference-0'));
      for (const moment of momentsOf(total)) {
        const reference = `reference-${moment}`;
        const bodies = await fill(reference);
        const before = await dump();
        const latest = (await app.inbox.erasures.list({ limit: 1 }))[0]?.id;
        await killAt(moment, host.database, erase(reference));
        const [record] = await app.inbox.erasures.list({ limit: 1 });
        // Nobody was told that it was asked for, or all is erased.
        if (record?.id === latest) await assertUntouched(moment, before);
        else await assertErased(moment, reference, bodies);
      }
      for (const { sessionId } of bystanders)
        expect(await app.delivery(sessionId, 'pending')).toMatchObject({ contents: 'readable' });
    },
    TIMEOUT_MS,
  );

  it(
    'of a purge leaves each delivery whole or purged, and the next run goes on',
    async () => {
      const retention = { payload: '30d', deliveries: '60d', rejections: '30d', interval: DAY_MS * 20 } as const;
      const { app } = await later((a) => a.withOptions({ retention }));
      const beside = await host.database.connect();

      /** Deliveries that were discarded so many days ago. */
      async function discarded(daysAgo: number): Promise<string[]> {
        const bodies = await sent(app, 4);
        const ids = (await Promise.all(bodies.map(({ sessionId }) => app.delivery(sessionId, 'pending')))).map(
          ({ id }) => id,
        );
        for (const id of ids) await app.inbox.discard(id);
        await beside.query(
          `UPDATE cr3dentials_webhook_delivery_state SET finished_at = ${Date.now() - daysAgo * DAY_MS}
           WHERE delivery_id IN (${ids.map((id) => `'${id}'`).join(', ')})`,
        );
        return ids;
      }

      async function fill() {
        const [pruned, purged, young] = [await discarded(70), await discarded(40), await discarded(20)];
        await app.post(payload({ status: 'OLD', completedAt: null }));
        const [rejection] = await app.inbox.rejections.list({ state: 'open' });
        await app.inbox.rejections.discard(String(rejection?.id));
        await beside.query(
          `UPDATE cr3dentials_webhook_rejection SET last_received_at = 1, id = '${OLD_ID}' WHERE state = 'discarded'`,
        );
        const pending = await Promise.all(
          (await sent(app, 2)).map(({ sessionId }) => app.delivery(sessionId, 'pending')),
        );
        return { pruned, purged, kept: [...young, ...pending.map(({ id }) => id)] };
      }

      async function contentsOf(ids: readonly string[]): Promise<string[]> {
        const found = await Promise.all(ids.map((id) => app.inbox.find(id)));
        return found.map((delivery) => delivery?.contents ?? 'gone');
      }

      await fill();
      const purge: Operation = { name: 'purge', options: { retention, encryption: testEncryption } };
      const total = await countMoments(host.database, purge);
      const all: string[] = [];
      for (const moment of momentsOf(total)) {
        const { pruned, purged, kept } = await fill();
        await killAt(moment, host.database, purge);
        await assertWhole(moment);
        expect(await contentsOf(kept)).toEqual(kept.map(() => 'readable'));
        const before = await contentsOf([...pruned, ...purged]);
        expect(await app.inbox.retention.run()).not.toBe('busy');
        await assertWhole(moment);
        expect([moment, await contentsOf(pruned)]).toEqual([moment, pruned.map(() => 'gone')]);
        expect([moment, await contentsOf(purged), before]).toEqual([moment, purged.map(() => 'purged'), before]);
        all.push(...kept);
        expect(await contentsOf(all)).toEqual(all.map(() => 'readable'));
        expect(await app.inbox.rejections.list({ state: 'discarded' })).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );
});

/** An id of long ago, as rejections are found by. */
const OLD_ID = '0198c1f0-7a3b-7c11-9a55-000000000000';
