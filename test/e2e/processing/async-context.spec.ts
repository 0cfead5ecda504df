import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import { OnVerification, VerificationCompleted, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { Transform } from 'class-transformer';
import { IsOptional } from 'class-validator';
import { AsyncLocalStorage } from 'node:async_hooks';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms, type WebhookApp, type WebhookAppBuilder } from '../../support/app/webhook-app.js';

const tenants = new AsyncLocalStorage<string>();

/** Notes the store it finds, at each of its attempts. */
@Injectable()
class LookAround {
  readonly found: unknown[] = [];

  @OnVerification({ id: 'look' })
  async look(_: VerificationEvent, { attempt }: { attempt: number }): Promise<void> {
    this.found.push(tenants.getStore());
    await Promise.resolve();
    this.found.push(tenants.getStore());
    if (attempt === 1) throw new Error('once more');
  }

  @OnVerification(VerificationCompleted, { id: 'look.transactional', transactional: true })
  async lookInTransaction(): Promise<void> {
    this.found.push(tenants.getStore());
  }

  @OnEvent(VerificationCompleted.eventName, { suppressErrors: false })
  listen(): void {
    this.found.push(tenants.getStore());
  }
}

class EnteringData {
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => {
    tenants.enterWith('left by a transformer');
    return value;
  })
  accountHolder?: string;
}

/** Enters a store of its own and leaves it so, as `cls.enter()` does. */
@Injectable()
class EnterAStore {
  readonly found: unknown[] = [];

  @OnVerification({ id: 'enter' })
  enter({ sessionId }: VerificationEvent): void {
    this.found.push(tenants.getStore());
    tenants.enterWith(sessionId);
  }
}

/** As nestjs-cls and its like do for each request. */
const inAStorePerRequest = (app: WebhookAppBuilder) =>
  app.configured((nest) =>
    nest.use((request: { headers: Record<string, string> }, _: unknown, next: () => void) =>
      tenants.run(request.headers['x-tenant'] ?? 'nobody', next),
    ),
  );

async function postSome(app: WebhookApp, count: number): Promise<string[]> {
  const bodies = Array.from({ length: count }, () => payload());
  await Promise.all(bodies.map((body, n) => app.post(body, { headers: { 'x-tenant': `tenant ${n % 2}` } })));
  for (const { sessionId } of bodies) await app.delivery(sessionId, 'completed');
  return bodies.map(({ sessionId }) => String(sessionId));
}

for (const kind of databases) {
  describe.each(platforms)(`handlers in a host with AsyncLocalStorage, on ${kind} and %s`, (platform) => {
    const host = freshHost(kind);

    it('see no store of a request, at any attempt', async () => {
      const app = await host.start((a) => inAStorePerRequest(a.on(platform)).withHandlers(LookAround));
      await postSome(app, 16);
      const { found } = app.nest.get(LookAround);
      expect(found).toHaveLength(16 * (2 + 2 + 1 + 1));
      expect(new Set(found)).toEqual(new Set([undefined]));
    });

    it('do not see a store that another handler has entered', async () => {
      const app = await host.start((a) => inAStorePerRequest(a.on(platform)).withHandlers(EnterAStore));
      await postSome(app, 16);
      expect(new Set(app.nest.get(EnterAStore).found)).toEqual(new Set([undefined]));
    });

    it('do not see what a class of the host has left while an event was made', async () => {
      const app = await host.start((a) =>
        inAStorePerRequest(a.on(platform))
          .withHandlers(EnterAStore)
          .withOptions({ platforms: { 1: EnteringData } }),
      );
      await postSome(app, 16);
      expect(new Set(app.nest.get(EnterAStore).found)).toEqual(new Set([undefined]));
    });

    it('see no store of the request that started the app, as on serverless platforms', async () => {
      const app = await tenants.run('the first request', () =>
        host.start((a) => a.on(platform).withHandlers(LookAround)),
      );
      await postSome(app, 2);
      expect(new Set(app.nest.get(LookAround).found)).toEqual(new Set([undefined]));
    });

    it('are run by a test in which an ordinary callback keeps the store of the request', async () => {
      await tenants.run('the request', () =>
        expect(new Promise((resolve) => setImmediate(() => resolve(tenants.getStore())))).resolves.toBe('the request'),
      );
    });
  });
}
