import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Client, WorkflowExecutionAlreadyStartedError, type WorkflowStartOptions } from '@temporalio/client';
import { webhookTester } from 'nestjs-cr3dentials-webhook/testing';
import { AppModule } from '../../examples/temporal/app.module.js';
import { HOLDER } from '../support/app/canaries.js';
import { RememberingLogger } from '../support/app/log.js';
import { payload } from '../support/app/payload.js';
import { SECRET } from '../support/app/webhook-app.js';
import { freshDatabase, type TestDatabase } from '../support/database/databases.js';
import { until } from '../support/time/until.js';

/** A Temporal that knows workflows by their ids, and loses its first answer. */
class Workflows {
  readonly started: [string, WorkflowStartOptions][] = [];
  readonly workflow = this;
  calls = 0;

  withAbortSignal<T>(_: AbortSignal, work: () => Promise<T>): Promise<T> {
    return work();
  }

  withDeadline<T>(_: number, work: () => Promise<T>): Promise<T> {
    return work();
  }

  start(type: string, options: WorkflowStartOptions): Promise<void> {
    const { workflowId = '' } = options;
    this.calls++;
    if (this.started.some(([, known]) => known.workflowId === workflowId))
      return Promise.reject(new WorkflowExecutionAlreadyStartedError('It has ended.', workflowId, type));
    this.started.push([type, options]);
    return Promise.reject(new Error('The answer was lost.'));
  }
}

describe('examples/temporal', () => {
  let database: TestDatabase;
  let app: INestApplication;

  beforeEach(async () => {
    database = await freshDatabase('sqlite');
    const address = '127.0.0.1:1'; // nobody is there
    const path = String(database.options.database);
    Object.assign(process.env, { DATABASE_PATH: path, CR3D_WEBHOOK_SECRET: SECRET, TEMPORAL_ADDRESS: address });
  });

  afterEach(async () => {
    await app.close();
    await database.drop();
  });

  async function start(client?: Workflows): Promise<void> {
    const builder = Test.createTestingModule({ imports: [AppModule] }).setLogger(new RememberingLogger());
    if (client) builder.overrideProvider(Client).useValue(client);
    app = (await builder.compile()).createNestApplication();
    await app.listen(0, '127.0.0.1');
  }

  const webhook = () => webhookTester(app, { secret: SECRET, timeout: 20_000 });

  it('starts one workflow for a delivery, also when it starts it again, and gives it ids only', async () => {
    const workflows = new Workflows();
    await start(workflows);
    const body = payload();
    const { delivery } = await webhook().deliver(body, { until: 'finished' });
    expect(delivery).toMatchObject({ state: 'completed', runs: [{ handler: 'temporal.start', attempts: 2 }] });
    expect(workflows.calls).toBe(2);
    const [[type, options] = []] = workflows.started;
    expect(workflows.started).toHaveLength(1);
    expect(type).toBe('onboard');
    expect(options).toMatchObject({
      workflowId: `verification-${delivery?.id}`,
      args: [{ deliveryId: delivery?.id, sessionId: body.sessionId }],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    });
    expect(JSON.stringify(options)).not.toContain(HOLDER);
  });

  it('acknowledges the sender without Temporal, and keeps the delivery for another try', async () => {
    await start();
    const body = payload();
    expect(await webhook().deliver(body)).toMatchObject({ verdict: 'accepted' });
    const error = await until('the handler has failed', async () => {
      const { delivery } = await webhook().deliver(body);
      return delivery?.runs[0]?.lastError;
    });
    expect(error).toMatch(/connect|start Workflow/i);
    expect(await webhook().deliver(body)).toMatchObject({
      delivery: { state: expect.stringMatching(/pending|processing/) },
    });
  });
});
