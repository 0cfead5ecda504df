import { describe, expect, it } from '@jest/globals';
import { OnVerification, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import type { Server, ServerResponse } from 'node:http';
import { databases } from '../support/databases.js';
import { freshHost } from '../support/fresh-host.js';
import { payload } from '../support/payload.js';
import { platforms } from '../support/webhook-app.js';

/** Keeps the thread while it runs, and says when it begins. */
class KeepTheThread {
  begins: (sessionId: string) => void = () => {};

  @OnVerification({ id: 'keep' })
  handle({ sessionId }: VerificationEvent): void {
    this.begins(sessionId);
  }
}

const matrix = databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const));

describe.each(matrix)('a handler that keeps the thread, on %s and %s', (kind, platform) => {
  const host = freshHost(kind);

  it('begins after its sender has been answered', async () => {
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

describe.each(databases)('handlers that keep the thread, on %s', (kind) => {
  const host = freshHost(kind);

  it('leave a turn of the event loop to others, whenever as many have run as run at once', async () => {
    const receiver = await host.start((a) => a.withOptions({ processing: { enabled: false } }));
    await Promise.all(Array.from({ length: 30 }, () => receiver.post(payload())));
    await host.stop(receiver);
    let turn = 0;
    let counting = setImmediate(function count() {
      turn++;
      counting = setImmediate(count);
    });
    const begunIn: number[] = [];
    const keep = new KeepTheThread();
    keep.begins = () => begunIn.push(turn);
    const app = await host.start((a) =>
      a
        .withHandlers({ provide: KeepTheThread, useValue: keep })
        .withOptions({ processing: { concurrency: 10 }, poll: { interval: 20_000 } }),
    );
    for (const { sessionId } of await app.inbox.list()) await app.delivery(sessionId, 'completed');
    clearImmediate(counting);

    expect(begunIn).toHaveLength(30);
    const inEachTurn = new Map(begunIn.map((begun) => [begun, begunIn.filter((other) => other === begun).length]));
    expect(Math.max(...inEachTurn.values())).toBeLessThanOrEqual(10);
  });
});
