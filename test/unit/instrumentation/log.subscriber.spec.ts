import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { InternalOccurrences } from '../../../src/instrumentation/internal.occurrences.js';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import { LogSubscriber } from '../../../src/instrumentation/log.subscriber.js';
import { RememberingLogger } from '../../support/app/log.js';

const REFUSED = 'Error ECONNREFUSED';
const SLOW = 'Recording timed out after 2000 ms.';

let instrumentation: Instrumentation;
let log: RememberingLogger;

beforeEach(() => {
  jest.useFakeTimers();
  log = new RememberingLogger();
  Logger.overrideLogger(log);
  instrumentation = new Instrumentation();
  Reflect.construct(LogSubscriber, [instrumentation]);
});

afterEach(() => {
  Logger.overrideLogger(false);
  jest.useRealTimers();
});

const unavailable = (error: string, times = 1) => {
  for (let n = 0; n < times; n++) instrumentation.announce('unavailable', { error });
};
const answered = () =>
  log.lines.map((line) => /^ERROR Answered 503 to (\d+) .*retry\. (.*) Cr3dentialsWebhook$/.exec(line)?.slice(1));

describe('a failure that repeats', () => {
  it('does not hide another cause', () => {
    unavailable(REFUSED, 3);
    unavailable(SLOW);
    expect(answered()).toEqual([
      ['1', REFUSED],
      ['1', SLOW],
    ]);
  });

  it('has its number told, although no other follows', () => {
    unavailable(REFUSED, 3);
    jest.advanceTimersByTime(1_000);
    expect(answered()).toEqual([
      ['1', REFUSED],
      ['2', REFUSED],
    ]);
  });

  it('has its number told at the end of the app', () => {
    unavailable(REFUSED, 3);
    instrumentation.announce('stopped', {});
    expect(answered()[1]).toEqual(['2', REFUSED]);
  });

  it('is not silent while the clock of the machine is set back', () => {
    unavailable(REFUSED, 2);
    jest.setSystemTime(Date.now() - 3_600_000);
    jest.advanceTimersByTime(1_000);
    expect(answered()).toHaveLength(2);
  });

  it('a worker failure logs how often it occurred', () => {
    const error = { type: 'ECONNREFUSED', message: REFUSED };
    for (let n = 0; n < 13; n++)
      instrumentation.announce('database-unavailable', { operation: 'claim', count: 0, error });
    jest.advanceTimersByTime(1_000);
    expect(log.lines).toEqual([
      `WARN Could not claim deliveries, will retry: ${REFUSED} Cr3dentialsWebhook`,
      `WARN Could not claim deliveries, will retry: ${REFUSED} (12 times) Cr3dentialsWebhook`,
    ]);
  });

  it('tells runs that could not be stored for a queue from outcomes', () => {
    const error = { type: 'ECONNREFUSED', message: REFUSED };
    instrumentation.announce('database-unavailable', { operation: 'enqueue', count: 2, error });
    instrumentation.announce('database-unavailable', { operation: 'settle', count: 1, error });
    expect(log.lines).toEqual([
      `WARN Could not store 2 runs for a queue, will retry: ${REFUSED} Cr3dentialsWebhook`,
      `WARN Could not record the outcome of a delivery, will retry: ${REFUSED} Cr3dentialsWebhook`,
    ]);
  });

  it('tells the leases of runs from those of deliveries', () => {
    instrumentation.announce('lease-lost', { count: 1, of: 'runs', why: 'rescued' });
    instrumentation.announce('lease-lost', { count: 2, of: 'deliveries', why: 'not-renewed' });
    expect(log.lines).toEqual([
      'WARN Lost the leases of 1 run: they had expired, and another worker holds them now. Cr3dentialsWebhook',
      'WARN Lost the leases of 2 deliveries: they could not be renewed in time. Cr3dentialsWebhook',
    ]);
  });

  it('names the run that is dead after three crashes of its worker', () => {
    instrumentation.announce('run-poisoned', { deliveryId: 'd-1', handler: 'reports.render' });
    expect(log.lines).toEqual([
      'ERROR The run of "reports.render" for delivery d-1 is dead after three crashes of its worker. Cr3dentialsWebhook',
    ]);
  });

  it('with another status of the host has another line', () => {
    for (const status of [403, 403, 429])
      instrumentation.announce('refused', { kind: 'host', status } as InternalOccurrences['refused']);
    expect(log.lines).toEqual([expect.stringContaining('answered 403'), expect.stringContaining('answered 429')]);
  });
});

describe('what lasts', () => {
  it('is told once a minute, as long as it does', () => {
    for (let second = 0; second < 90; second++) {
      instrumentation.announce('pool-exhausted', { waiting: 12 });
      jest.advanceTimersByTime(1_000);
    }
    expect(log.lines).toHaveLength(2);
    jest.advanceTimersByTime(120_000);
    expect(log.lines).toHaveLength(2); // it is over
  });
});
