import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, PermanentError, type ResealProgress } from 'nestjs-cr3dentials-webhook';
import { ResealRepository } from '../../../src/encryption/reseal.repository.js';
import { HOLDER } from '../../support/app/canaries.js';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshHost, RECEIVE_ONLY, receiveOnce, type Configure } from '../../support/app/fresh-host.js';
import { inPlainText, sealedWith } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';
import { MovingClock } from '../../support/time/moving-clock.js';

const REFERENCE = 'reference-of-a-person-8841';

@Injectable()
class FailForGood {
  @OnVerification({ id: 'fail-for-good' })
  handle(): never {
    throw new PermanentError('secret-word-5512');
  }
}

async function assertComplete(app: WebhookApp, body: Record<string, unknown>): Promise<void> {
  const found = await app.inbox.find({ sessionId: String(body.sessionId) });
  expect(found).toMatchObject({ contents: 'readable', externalReferenceId: REFERENCE });
  expect(JSON.parse(String(found?.rawBody))).toEqual(body);
  expect(found?.runs[0]?.lastError).toBe('PermanentError: secret-word-5512');
  const attempts = await app.inbox.history.attempts(String(found?.id));
  expect(attempts.map(({ error }) => error)).toEqual(['PermanentError: secret-word-5512']);
  expect(await app.inbox.list({ externalReferenceId: REFERENCE })).toHaveLength(1);
  const rejections = await app.rejections();
  expect(rejections.map(({ reason, contents }) => `${reason} ${contents}`).toSorted()).toEqual([
    'conflict readable',
    'unknown-status readable',
  ]);
  await app.post(body); // still a duplicate
  await app.post({ ...body, status: 'ERROR' }); // still the same conflict
  expect((await app.inbox.rejections.list()).map(({ reason }) => reason).toSorted()).toEqual([
    'conflict',
    'unknown-status',
  ]);
}

describe.each(databases)('resealing, on %s', (kind) => {
  const host = freshHost(kind);
  const once = <T>(configure: Configure, act: (app: WebhookApp) => Promise<T>) => receiveOnce(host, configure, act);

  async function dump(): Promise<string> {
    const beside = await host.database.connect();
    const all = [];
    for (const [table, key] of [
      ['delivery', 'id'],
      ['handler_run', 'delivery_id'],
      ['rejection', 'id'],
      ['attempt', 'id'],
    ])
      all.push(await beside.query(`SELECT * FROM cr3dentials_webhook_${table} ORDER BY ${key}`));
    return JSON.stringify(all);
  }

  /** A dead delivery with an error, one that is pending, a conflict, and a rejection. */
  async function fill(configure: Configure): Promise<Record<string, unknown>> {
    const app = await host.start((a) => configure(a).withHandlers(FailForGood));
    const body = payload({ externalReferenceId: REFERENCE });
    await app.post(body);
    await app.delivery(body.sessionId, 'dead');
    await app.post({ ...body, status: 'ERROR' });
    await app.post(payload({ status: 'NEW' }));
    await host.stop(app);
    return body;
  }

  it('takes an inbox from plain text to a key, to another key, and back, with every row as it was', async () => {
    const body = await fill(inPlainText);
    const plain = await dump();
    for (const word of [HOLDER, REFERENCE, 'secret-word-5512', 'NEW']) expect(plain).toContain(word);

    await once(sealedWith(['k-1'], { plaintext: 'accept' }), async (app) => {
      expect(await app.inbox.encryption.status()).toMatchObject({ current: 'k-1', plain: 3 });
      const progress: ResealProgress[] = [];
      expect(await app.inbox.encryption.reseal({ onProgress: (p) => progress.push(p) })).toBe('done');
      expect(progress.at(-1)).toMatchObject({ done: 5, unreadable: 0 });
      expect(await app.inbox.encryption.status()).toMatchObject({
        plain: 0,
        keys: [{ id: 'k-1', deliveries: 1, rejections: 2, errors: 2 }],
      });
    });
    const sealed = await dump();
    for (const word of [HOLDER, REFERENCE, 'secret-word-5512', 'NEW']) expect(sealed).not.toContain(word);
    await once(sealedWith(['k-1']), (app) => assertComplete(app, body));

    await once(sealedWith(['k-2', 'k-1']), async (app) => {
      expect(await app.inbox.encryption.reseal()).toBe('done');
      expect(await app.inbox.encryption.reseal()).toBe('done'); // nothing to do
    });
    expect(await dump()).not.toContain('.k-1.');
    await once(sealedWith(['k-2']), (app) => assertComplete(app, body));

    await once(sealedWith(['k-2'], { current: null, plaintext: 'accept' }), async (app) =>
      expect(await app.inbox.encryption.reseal()).toBe('done'),
    );
    await once(inPlainText, (app) => assertComplete(app, body));
    expect(withoutCounts(await dump())).toBe(withoutCounts(plain));
  });

  it('can be stopped, is done by one instance at a time, and goes on where it was stopped', async () => {
    await once(sealedWith(['k-1']), async (app) => {
      for (let n = 0; n < 500; n++) await app.post(payload());
    });
    const [one, two] = await Promise.all(
      ['one', 'two'].map(() => host.start((a) => sealedWith(['k-2', 'k-1'])(a).withOptions(RECEIVE_ONLY))),
    );
    const stop = new AbortController();
    const results = await Promise.all([
      one?.inbox.encryption.reseal({ signal: stop.signal, onProgress: () => stop.abort() }),
      two?.inbox.encryption.reseal({ signal: stop.signal, onProgress: () => stop.abort() }),
    ]);
    expect(results.toSorted()).toEqual(['busy', 'stopped']);
    const half = await one?.inbox.encryption.status();
    expect(half?.keys.find(({ id }) => id === 'k-2')).toMatchObject({ deliveries: 200 });
    expect(await two?.inbox.encryption.reseal()).toBe('done');
    expect((await two?.inbox.encryption.status())?.keys).toMatchObject([
      { id: 'k-1', deliveries: 0 },
      { id: 'k-2', deliveries: 500 },
    ]);
  });

  it('goes through all of it again when the key has changed since it was stopped', async () => {
    await once(sealedWith(['k-1']), async (app) => {
      for (let n = 0; n < 300; n++) await app.post(payload());
    });
    const stop = new AbortController();
    await once(sealedWith(['k-2', 'k-1']), async (app) => {
      expect(await app.inbox.encryption.reseal({ signal: stop.signal, onProgress: () => stop.abort() })).toBe(
        'stopped',
      );
    });
    await once(sealedWith(['k-3', 'k-2', 'k-1']), async (app) => {
      expect(await app.inbox.encryption.reseal()).toBe('done');
      const { keys } = await app.inbox.encryption.status();
      expect(keys.map(({ id, deliveries }) => `${id} ${deliveries}`)).toEqual(['k-1 0', 'k-2 0', 'k-3 300']);
    });
  });

  it('does not undo a conflict that was accepted between its read and its write', async () => {
    const body = payload();
    const other = { ...body, status: 'ERROR' };
    await once(sealedWith(['k-1']), async (app) => {
      await app.post(body);
      await app.post(other);
    });
    await once(sealedWith(['k-2', 'k-1']), async (app) => {
      const accepting = await host.start((a) => sealedWith(['k-1', 'k-2'])(a).withOptions(RECEIVE_ONLY));
      const repository = app.nest.get(ResealRepository, { strict: false });
      const read = repository.deliveries.bind(repository);
      let accepted: string | undefined;
      repository.deliveries = async (ids) => {
        const rows = await read(ids);
        const [conflict] = await accepting.inbox.rejections.list();
        accepted ??= await accepting.inbox.rejections.accept(String(conflict?.id)); // under the same old key
        return rows;
      };
      expect(await app.inbox.encryption.reseal()).toBe('done');
      expect(accepted).toBe('accepted');
      const found = await app.inbox.find({ sessionId: String(body.sessionId) });
      expect(JSON.parse(String(found?.rawBody))).toEqual(other);
      expect(await app.inbox.encryption.reseal()).toBe('done'); // what was left is done then
      expect((await app.inbox.encryption.status()).keys).toMatchObject([{ deliveries: 0 }, { deliveries: 1 }]);
    });
  });

  it('leaves what does not open, and says how much', async () => {
    await once(sealedWith(['k-1']), async (app) => {
      await app.post(payload());
      await app.post(payload({ status: 'NEW' }));
    });
    await once(sealedWith(['k-2', 'k-1']), async () => {});
    const before = await dump();
    await once(sealedWith(['k-2']), async (app) => {
      const progress: ResealProgress[] = [];
      expect(await app.inbox.encryption.reseal({ onProgress: (p) => progress.push(p) })).toBe('done');
      expect(progress.at(-1)).toMatchObject({ done: 0, unreadable: 2 });
    });
    expect(await dump()).toBe(before);
  });

  it('counts a rejection once that was sent plain and sealed', async () => {
    const body = payload({ status: 'NEW' });
    await once(inPlainText, (app) => app.post(body));
    await once(sealedWith(['k-1'], { plaintext: 'accept' }), async (app) => {
      await app.post(body);
      expect(await app.inbox.rejections.list()).toHaveLength(2);
      expect(await app.inbox.encryption.reseal()).toBe('done');
      expect(await app.inbox.rejections.list()).toMatchObject([{ repeats: 1, contents: 'readable' }]);
    });
  });

  it('seals while deliveries arrive and are handled: every session once', async () => {
    await once(sealedWith(['k-1']), async (app) => {
      for (let n = 0; n < 100; n++) await app.post(payload());
    });
    const app = await host.start((a) => sealedWith(['k-2', 'k-1'])(a).withHandlers(RememberEvents));
    const bodies = Array.from({ length: 150 }, () => payload());
    const posting = Promise.all(bodies.flatMap((body) => [app.post(body), app.post(body)]));
    expect(await app.inbox.encryption.reseal()).toBe('done');
    expect((await posting).every(({ status }) => status === 200)).toBe(true);
    for (const { sessionId } of bodies) await app.delivery(sessionId, 'completed');
    const sessions = app.nest.get(RememberEvents).sessionIds;
    expect(new Set(sessions).size).toBe(sessions.length);
    expect(await app.inbox.rejections.list()).toEqual([]);
    expect((await app.inbox.encryption.status()).keys).toMatchObject([
      { id: 'k-1', deliveries: 0 },
      { id: 'k-2', deliveries: 250 },
    ]);
  });

  it('makes a key safe to remove, once nobody has used it for five minutes', async () => {
    await once(sealedWith(['k-1']), (app) => app.post(payload()));
    const clock = new MovingClock();
    await once(
      (a) => sealedWith(['k-2', 'k-1'])(a.withClock(clock)),
      async (app) => {
        const { encryption } = app.inbox;
        expect(await encryption.forget('k-0')).toBe('unknown');
        expect(await encryption.forget('k-1')).toBe('in use');
        await encryption.reseal();
        expect(await encryption.forget('k-1')).toBe('in use'); // another instance may still seal with it
        clock.advance(5 * 60_000 + 1_000);
        expect(await encryption.forget('k-2')).toBe('in use');
        expect((await encryption.status()).keys[0]).toMatchObject({ id: 'k-1', safeToRemove: true, configured: true });
        expect(await encryption.forget('k-1')).toBe('forgotten');
        expect(await encryption.forget('k-1')).toBe('unknown');
      },
    );
    await once(sealedWith(['k-2']), async (app) => expect(app.logger.matching(/k-1/)).toEqual([]));
  });
});

/** Leaves out what a duplicate counts, which is not what resealing changes. */
function withoutCounts(rows: string): string {
  return rows.replaceAll(/"(repeats|last_received_at|updated_at)":"?\d+"?/g, '');
}
