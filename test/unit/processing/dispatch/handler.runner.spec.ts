import { describe, expect, it } from '@jest/globals';
import { Cancellation } from '../../../../src/concurrency/cancellation.js';
import { sqliteDialect } from '../../../../src/database/dialect/sqlite.dialect.js';
import { Instrumentation } from '../../../../src/instrumentation/instrumentation.js';
import type { HandlerContext } from '../../../../src/processing/handlers/handler.context.js';
import { HandlerRunner, type HandlerExecution } from '../../../../src/processing/dispatch/handler.runner.js';
import { LiveExecutions } from '../../../../src/processing/dispatch/live.executions.js';

const SETTINGS = { concurrency: 1, handlerTimeout: 30_000 };
const UNUSED = undefined as never;

/** Runs handlers that have neither a transaction nor a limit. */
function runner(): HandlerRunner {
  const clock = { now: Date.now };
  const executions = new LiveExecutions(clock, new Instrumentation(), SETTINGS);
  const shutdown = { hasBegun: false } as never;
  const connection = { dialect: sqliteDialect } as never;
  return new HandlerRunner(connection, UNUSED, clock, shutdown, executions, UNUSED, UNUSED, UNUSED, SETTINGS as never);
}

/** Runs a handler under a cancellation, and returns what it was given and what became of it. */
async function run(cancellation: Cancellation, handle: (context: HandlerContext) => unknown) {
  let given: HandlerContext | undefined;
  const handler = {
    id: 'a',
    transactional: false,
    handle: (_: unknown, context: HandlerContext) => handle((given = context)),
  };
  const execution = { deliveryId: 'd', handler, event: {}, attempt: 1, replays: 0, cancellation };
  const result = await runner().run(execution as unknown as HandlerExecution);
  return { result, signal: given?.signal };
}

describe('a run of a handler', () => {
  it('is cancelled with its delivery while it goes on', async () => {
    const cancellation = new Cancellation();
    const reason = new Error('The lease was lost.');
    const { result, signal } = await run(cancellation, () => {
      cancellation.cancel(reason);
      return new Promise(() => {});
    });

    expect(result).toEqual({ ended: 'interrupted', error: reason });
    expect(signal).toMatchObject({ aborted: true, reason });
  });

  // It would hold its event in memory for as long as the delivery waits for its outcome to be durable.
  it.each([
    ['returns', () => undefined, 'completed'],
    ['resolves', () => Promise.resolve(), 'completed'],
    ['throws', () => Promise.reject(new Error('refused')), 'failed'],
  ])('is not told of a later cancellation once its handler %s', async (_, handle, ended) => {
    const cancellation = new Cancellation();
    const { result, signal } = await run(cancellation, handle);
    cancellation.cancel(new Error('The app is shutting down.'));

    expect(result).toMatchObject({ ended });
    expect(signal?.aborted).toBe(false);
  });
});
