import { describe, expect, it } from '@jest/globals';
import {
  OnVerification,
  VerificationCancelled,
  VerificationCompleted,
  VerificationErrored,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { databases } from '../../support/database/databases.js';
import { freshHost, receiveOnce } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** Notes the statuses in the order in which it gets them. */
class Ordered {
  readonly statuses: string[] = [];

  @OnVerification(VerificationCompleted, { id: 'first', priority: 1 })
  first(event: VerificationEvent): Promise<void> {
    return this.note(event);
  }

  @OnVerification(VerificationErrored, { id: 'second', priority: 20 })
  second(event: VerificationEvent): Promise<void> {
    return this.note(event);
  }

  @OnVerification(VerificationCancelled, { id: 'last' })
  last(event: VerificationEvent): Promise<void> {
    return this.note(event);
  }

  private async note({ status }: VerificationEvent): Promise<void> {
    await sleep(1);
    this.statuses.push(status);
  }
}

class WithoutPriorities {
  readonly statuses: string[] = [];

  @OnVerification({ id: 'all' })
  note({ status }: VerificationEvent): void {
    this.statuses.push(status);
  }
}

async function post(app: WebhookApp, count: number, status: string): Promise<void> {
  for (let left = count; left > 0; left -= 50)
    await Promise.all(Array.from({ length: Math.min(left, 50) }, () => app.post(payload({ status }))));
}

const ONE = { processing: { concurrency: 1 } };

describe.each(databases)('handlers with priorities, on %s', (kind) => {
  const host = freshHost(kind);

  const statusesOf = async (
    handlers: new () => { statuses: string[] },
    record: (app: WebhookApp) => Promise<unknown>,
    count: number,
  ): Promise<string[]> => {
    await receiveOnce(host, (a) => a, record);
    const app = await host.start((a) => a.withHandlers(handlers).withOptions(ONE));
    const { statuses } = app.nest.get(handlers);
    await until('all have been handled', () => statuses.length === count);
    await until('all have completed', async () => (await app.inbox.stats()).completed === count);
    return statuses;
  };

  it('come first among those that wait, the best first', async () => {
    const statuses = await statusesOf(
      Ordered,
      async (app) => {
        await post(app, 20, 'CANCELLED');
        await post(app, 4, 'ERROR');
        await post(app, 4, 'COMPLETED');
      },
      28,
    );
    const lastOf = (status: string) => statuses.lastIndexOf(status);
    expect(lastOf('COMPLETED')).toBeLessThan(lastOf('ERROR'));
    expect(lastOf('ERROR')).toBeLessThan(12);
    expect(statuses.slice(12)).toEqual(Array(16).fill('CANCELLED'));
  });

  it('leave every eighth to the oldest, so that none waits for ever', async () => {
    const statuses = await statusesOf(
      Ordered,
      async (app) => {
        await post(app, 2, 'CANCELLED');
        await post(app, 40, 'COMPLETED');
      },
      42,
    );
    expect(statuses.indexOf('CANCELLED')).toBeLessThan(20);
    expect(statuses.lastIndexOf('CANCELLED')).toBeLessThan(36); // without it, they are the last
  });

  it('are found behind a backlog that is longer than what is looked at', async () => {
    const statuses = await statusesOf(
      Ordered,
      async (app) => {
        await post(app, 600, 'CANCELLED');
        await post(app, 3, 'COMPLETED');
      },
      603,
    );
    expect(statuses.lastIndexOf('COMPLETED')).toBeLessThan(20);
  });

  it('are what changes the order: without one, it is that of their receipt', async () => {
    const statuses = await statusesOf(
      WithoutPriorities,
      async (app) => {
        await post(app, 20, 'CANCELLED');
        await sleep(5);
        await post(app, 4, 'COMPLETED');
      },
      24,
    );
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill('CANCELLED'));
  });
});
