import { describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { InATransaction, WaitAtAGate } from '../../support/app/doubles.js';
import { servers } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

class SlowInATransaction extends WaitAtAGate {
  @OnVerification(VerificationCompleted, { id: 'wait', transactional: true, concurrency: 1 })
  override handle(event: VerificationCompleted, context: HandlerContext): Promise<void> {
    return super.handle(event, context);
  }
}

async function post(app: WebhookApp, count: number, status: string): Promise<string[]> {
  const bodies = Array.from({ length: count }, () => payload({ status }));
  for (const body of bodies) await app.post(body);
  return bodies.map(({ sessionId }) => String(sessionId));
}

describe.each(servers)('a transactional handler with a concurrency, on %s', (kind) => {
  const host = freshHost(kind);

  it('has no connection while it waits for its turn', async () => {
    const app = await host.start(
      (a) =>
        a
          .withHandlers(SlowInATransaction, InATransaction)
          .withOptions({ processing: { concurrency: 4 } })
          .withDataSource({ poolSize: 6 }), // two transactions of handlers at a time
    );
    const slow = app.nest.get(SlowInATransaction);
    const sessionIds = await post(app, 6, 'COMPLETED');
    await until('one runs', () => slow.running === 1);
    for (const other of await post(app, 3, 'ERROR')) await app.delivery(other, 'completed');
    expect(slow.runs).toHaveLength(1);
    slow.gate.open();
    for (const sessionId of sessionIds) await app.delivery(sessionId, 'completed');
    expect(slow.mostAtOnce).toBe(1);
  });
});
