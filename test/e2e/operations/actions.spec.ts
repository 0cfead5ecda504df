import { describe, expect, it } from '@jest/globals';
import { OnVerification, PermanentError, VerificationCompleted, type ActionMessage } from 'nestjs-cr3dentials-webhook';
import { uuidv7 } from 'uuidv7';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { databases } from '../../support/database/databases.js';

class DieAtOnce {
  @OnVerification(VerificationCompleted, { id: 'die' })
  handle(): never {
    throw new PermanentError('never');
  }
}

const BY = { by: 'anna@example.com', reason: 'the ledger is open again' };

async function dead(app: WebhookApp, sessionId: unknown): Promise<string> {
  return (await app.delivery(sessionId, 'dead')).id;
}

describe.each(databases)('the record of actions, on %s', (kind) => {
  const host = freshHost(kind);

  it('has who did what to which delivery, and why', async () => {
    const app = await host.start((a) => a.withHandlers(DieAtOnce));
    const body = payload();
    await app.post(body);
    const id = await dead(app, body.sessionId);
    expect(await app.inbox.replay(id, { ...BY, handlers: ['die'] })).toBe('replayed');
    await dead(app, body.sessionId);
    expect(await app.inbox.discard(id, { source: 'cli' })).toBe('discarded');
    const target = { targetId: id, tenant: '', bulkId: null, actedAt: expect.any(Number), id: expect.any(String) };
    expect(await app.inbox.actions.list()).toEqual([
      { ...target, operator: null, source: 'cli', action: 'discard', handlers: null, reason: null },
      { ...target, operator: BY.by, source: 'code', action: 'replay', handlers: ['die'], reason: BY.reason },
    ]);
  });

  it('has nothing of what changed nothing', async () => {
    const app = await host.start((a) => a.withHandlers(class Nothing extends DieAtOnce {}));
    const body = payload();
    await app.post(body);
    const id = await dead(app, body.sessionId);
    expect(await app.inbox.replay(uuidv7(), BY)).toBe('unknown');
    expect(await app.inbox.rejections.discard(uuidv7(), BY)).toBe(false);
    expect(await app.inbox.rejections.accept(uuidv7(), BY)).toBe('unknown');
    expect(await app.inbox.replayAll({ state: 'unhandled' }, BY)).toMatchObject({ matched: 0 });
    expect(await app.inbox.actions.list({ targetId: id })).toEqual([]);
    expect(await app.inbox.actions.list()).toEqual([]);
  });

  it('has each delivery of a selection, and pages', async () => {
    const app = await host.start((a) => a.withHandlers(DieAtOnce));
    const bodies = Array.from({ length: 5 }, () => payload());
    for (const body of bodies) await app.post(body);
    const ids = await Promise.all(bodies.map(({ sessionId }) => dead(app, sessionId)));
    expect(await app.inbox.discardAll({ state: 'dead' }, BY)).toMatchObject({ discarded: 5 });
    const first = await app.inbox.actions.list({ limit: 3 });
    const rest = await app.inbox.actions.list({ limit: 3, before: first.at(-1)?.id ?? '' });
    expect([first.length, rest.length]).toEqual([3, 2]);
    expect([...first, ...rest].map(({ targetId }) => targetId).toSorted()).toEqual(ids.toSorted());
    expect(new Set([...first, ...rest].map(({ operator }) => operator))).toEqual(new Set([BY.by]));
  });

  it('has decisions on rejections, also on a conflict', async () => {
    const app = await host.start((a) => a.withOptions(RECEIVE_ONLY));
    const body = payload();
    await app.post(body);
    await app.post({ ...body, proofHash: 'another' });
    await app.post(payload({ status: 'NEW' }));
    const [refused, conflict] = await app.rejections();
    expect(await app.inbox.rejections.accept(conflict?.id ?? '', BY)).toBe('accepted');
    expect(await app.inbox.rejections.discard(refused?.id ?? '', BY)).toBe(true);
    expect(await app.inbox.rejections.discard(refused?.id ?? '', BY)).toBe(false);
    expect((await app.inbox.actions.list()).map(({ action, targetId }) => [action, targetId])).toEqual([
      ['discard-rejection', refused?.id],
      ['accept-rejection', conflict?.id],
    ]);
  });

  it('is written with the act, or the act is not done', async () => {
    const app = await host.start((a) => a.withHandlers(DieAtOnce));
    const body = payload();
    await app.post(body);
    const id = await dead(app, body.sessionId);
    await app.post(payload({ status: 'NEW' }));
    const [rejection] = await app.rejections();
    const beside = await host.database.connect();
    await beside.query('DROP TABLE cr3dentials_webhook_action');
    await expect(app.inbox.replay(id, BY)).rejects.toThrow('cr3dentials_webhook_action');
    await expect(app.inbox.discard(id, BY)).rejects.toThrow('cr3dentials_webhook_action');
    await expect(app.inbox.rejections.discard(rejection?.id ?? '', BY)).rejects.toThrow('cr3dentials_webhook_action');
    expect(await app.inbox.find(id)).toMatchObject({ state: 'dead', replays: 0 });
    expect(await app.inbox.rejections.find(rejection?.id ?? '')).toMatchObject({ state: 'open' });
  });

  it('has what was shown of the contents, and to whom it was refused', async () => {
    const app = await host.start((a) => a.withHandlers(DieAtOnce));
    const body = payload();
    await app.post(body);
    const id = await dead(app, body.sessionId);
    await app.inbox.actions.record({ action: 'reveal-refused', targetId: id, by: 'ben', source: 'page' });
    await app.inbox.actions.record({ action: 'reveal', targetId: id, source: 'page', ...BY });
    expect(await app.inbox.actions.list({ targetId: id })).toMatchObject([
      { action: 'reveal', operator: BY.by, reason: BY.reason, source: 'page' },
      { action: 'reveal-refused', operator: 'ben' },
    ]);
    const acted = app.logger.matching(/contents of/);
    expect(acted[0]).toMatch(`LOG Operator action (page) by ben: was refused to reveal the contents of ${id}.`);
    const record = (action: string) => app.inbox.actions.record({ action: action as 'reveal', targetId: id });
    await expect(record('replay')).rejects.toThrow('"action"');
  });

  it('is searched by operator, act and time', async () => {
    const app = await host.start((a) => a.withHandlers(DieAtOnce));
    const body = payload();
    await app.post(body);
    const id = await dead(app, body.sessionId);
    await app.inbox.discard(id, { by: 'ben' });
    await app.inbox.replay(id, BY);
    const count = async (filter: object) => (await app.inbox.actions.list(filter)).length;
    expect([await count({ operator: 'ben' }), await count({ operator: 'anna' })]).toEqual([1, 0]);
    expect([await count({ action: 'replay' }), await count({ action: 'reveal' })]).toEqual([1, 0]);
    const now = Date.now();
    expect(await count({ actedBetween: [now - 60_000, new Date(now + 60_000)] })).toBe(2);
    expect(await count({ actedBetween: [now - 120_000, now - 60_000] })).toBe(0);
    expect(await count({ actedBetween: [now - 60_000.5, now + 60_000.5] })).toBe(2);
    expect(await count({ actedBetween: [-1e300, 1e300] })).toBe(2);
    await expect(count({ actedBetween: [2, 1] })).rejects.toThrow('ends before it begins');
  });

  it('is told to the host, whose failure changes nothing', async () => {
    const told: ActionMessage[] = [];
    const onAction = (action: ActionMessage): void => {
      told.push(action);
      if (told.length === 1) throw new TypeError('the SIEM is down');
    };
    const app = await host.start((a) => a.withHandlers(DieAtOnce).withOptions({ onAction }));
    const bodies = [payload(), payload()];
    for (const body of bodies) await app.post(body);
    const [first = ''] = await Promise.all(bodies.map(({ sessionId }) => dead(app, sessionId)));
    expect(await app.inbox.discard(first, BY)).toBe('discarded');
    expect(await app.inbox.discardAll({ state: 'dead' })).toMatchObject({ discarded: 1 });
    expect(await app.inbox.discardAll({ state: 'dead' })).toMatchObject({ discarded: 0 });
    const facts = { action: 'discard', source: 'code', count: 1, handlers: null };
    expect(told).toEqual([
      { ...facts, operator: BY.by, reason: BY.reason, targetId: first },
      { ...facts, operator: null, reason: null, targetId: null },
    ]);
    expect(app.logger.matching(/^ERROR onAction failed: TypeError\./)).toHaveLength(1);
    expect(app.logger.matching(/^LOG Operator action \(code\) by somebody: discarded 1 delivery/)).toHaveLength(1);
  });

  it('refuses what it cannot keep, before anything is done', async () => {
    const app = await host.start((a) => a.withHandlers(DieAtOnce));
    const body = payload();
    await app.post(body);
    const id = await dead(app, body.sessionId);
    await expect(app.inbox.replay(id, { by: 'a'.repeat(256) })).rejects.toThrow('"by" is longer than 255');
    await expect(app.inbox.discard(id, { reason: 'a'.repeat(501) })).rejects.toThrow('"reason" is longer than 500');
    await expect(app.inbox.discard(id, { by: 'a\0b' })).rejects.toThrow('"by" has a NUL character');
    await expect(app.inbox.discard(id, { source: 'mail' as 'cli' })).rejects.toThrow('"source"');
    await expect(app.inbox.actions.list({ limit: 0 })).rejects.toThrow('"limit"');
    await expect(app.inbox.actions.list({ targetId: 'x' })).rejects.toThrow('"targetId" must be an id');
    expect(await app.inbox.find(id)).toMatchObject({ state: 'dead' });
    expect(await app.inbox.actions.list()).toEqual([]);
  });
});
