import { describe, expect, it } from '@jest/globals';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import type { Server, ServerResponse } from 'node:http';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms } from '../../support/app/webhook-app.js';

/** Keeps the thread while it runs, and says when it begins. */
class KeepTheThread {
  begins: (sessionId: string) => void = () => {};

  @OnVerification({ id: 'keep' })
  handle({ sessionId }: VerificationEvent): void {
    this.begins(sessionId);
  }
}

const matrix = databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const));

describe.each(matrix)('a handler that blocks the event loop, on %s and %s', (kind, platform) => {
  const host = freshHost(kind);

  it('starts after its sender is answered', async () => {
    const app = await host.start((a) => a.on(platform).withHandlers(KeepTheThread));
    const happened: string[] = [];
    app.nest.get(KeepTheThread).begins = () => happened.push('begins');
    (app.nest.getHttpServer() as Server).prependListener('request', (_, response: ServerResponse) => {
      const { end } = response;
      response.end = (...given: unknown[]) => {
        happened.push('answered');
        return Reflect.apply(end, response, given) as ServerResponse;
      };
    });
    const body = payload();
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(happened).toEqual(['answered', 'begins']);
  });
});

describe.each(databases)('handlers that start one after the other, on %s', (kind) => {
  const host = freshHost(kind);

  /** How many of 30 waiting deliveries began in each turn of the event loop. */
  async function beginningsByTurn(handle: () => void, concurrency: number): Promise<number[]> {
    const receiver = await host.start((a) => a.withOptions({ processing: { enabled: false } }));
    await Promise.all(Array.from({ length: 30 }, () => receiver.post(payload())));
    await host.stop(receiver);
    let turn = 0;
    let counting = setImmediate(function count() {
      turn++;
      counting = setImmediate(count);
    });
    const inEachTurn = new Map<number, number>();
    const keep = new KeepTheThread();
    keep.begins = () => {
      inEachTurn.set(turn, (inEachTurn.get(turn) ?? 0) + 1);
      handle();
    };
    const app = await host.start((a) =>
      a
        .withHandlers({ provide: KeepTheThread, useValue: keep })
        .withOptions({ processing: { concurrency, pollInterval: 20_000 } }),
    );
    for (const { sessionId } of await app.inbox.list()) await app.delivery(sessionId, 'completed');
    clearImmediate(counting);
    const beginnings = [...inEachTurn.values()];
    expect(beginnings.reduce((sum, begun) => sum + begun, 0)).toBe(30);
    return beginnings;
  }

  it('yield to the event loop after a time slice of five milliseconds', async () => {
    const beginnings = await beginningsByTurn(() => keepTheThread(4), 10);
    expect(Math.max(...beginnings)).toBeLessThanOrEqual(2);
  });

  it('do not yield to the event loop while they are short', async () => {
    const beginnings = await beginningsByTurn(() => {}, 1);
    expect(beginnings.length).toBeLessThan(30);
  });
});

function keepTheThread(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}
