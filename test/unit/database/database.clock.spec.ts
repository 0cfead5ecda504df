import { describe, expect, it } from '@jest/globals';
import { DatabaseClock } from '../../../src/database/database.clock.js';
import type { DatabaseConnection } from '../../../src/database/database.connection.js';
import { raw } from '../../../src/database/sql.js';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import type { ClaimRepository } from '../../../src/inbox/claim.repository.js';
import { processingSettings } from '../../../src/processing/processing.options.js';
import { WorkerIdentity } from '../../../src/processing/worker.identity.js';
import { InFlightDeliveries } from '../../../src/processing/worker/in-flight.deliveries.js';
import { LeaseRenewer } from '../../../src/processing/worker/lease.renewer.js';
import { until } from '../../support/time/until.js';

const HOUR_MS = 3_600_000;

/** A database whose clock is ahead of this machine's by so much. */
class DatabaseWithAClock {
  ahead = 0;
  readonly dialect = { now: raw('SELECT now') };

  execute() {
    return Promise.resolve({ records: [{ now: Date.now() + this.ahead }], affected: 0 });
  }
}

describe('the clock of the database', () => {
  it.each([-HOUR_MS, HOUR_MS])('is followed when it is set by %d ms, and the step is told', async (step) => {
    const database = new DatabaseWithAClock();
    const clock = await DatabaseClock.measured(database as unknown as DatabaseConnection);
    expect(Math.abs(await clock.measure())).toBeLessThan(1_000);
    database.ahead = step;
    expect(Math.abs((await clock.measure()) - step)).toBeLessThan(1_000);
    expect(Math.abs(clock.now() - Date.now() - step)).toBeLessThan(1_000);
  });

  it('is announced by the worker when it was set, and not when it only drifts', async () => {
    const database = new DatabaseWithAClock();
    const clock = await DatabaseClock.measured(database as unknown as DatabaseConnection);
    const instrumentation = new Instrumentation();
    const steps: number[] = [];
    instrumentation.subscribe('clock-stepped', ({ ms }) => steps.push(ms));
    const renewer = new LeaseRenewer(
      {} as ClaimRepository, // nothing is in flight
      new InFlightDeliveries(),
      new WorkerIdentity(),
      clock,
      clock,
      instrumentation,
      processingSettings({ lease: 1_000 }),
    );
    renewer.start();
    const startedAt = performance.now();
    database.ahead = 300;
    await until('it was measured', () => performance.now() > startedAt + 500);
    database.ahead = -HOUR_MS;
    await until('the step is announced', () => steps.length > 0);
    renewer.stop();
    expect(steps).toHaveLength(1);
    expect(Math.abs((steps[0] ?? 0) + HOUR_MS)).toBeLessThan(2_000);
  });
});
