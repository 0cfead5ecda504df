import type { Provider } from '@nestjs/common';
import { QueuedRunRepository } from '../../inbox/queued-run.repository.js';
import { HandlerQueues } from '../dispatch/handler.queues.js';
import { RunEnqueuer } from '../dispatch/run.enqueuer.js';
import { QUEUE_CORE_TOKEN, QueueCore } from './queue.core.js';
import { QueuedRunWorker } from './queued-run.worker.js';
import { RunClaimer } from './run.claimer.js';
import { RunLeases } from './run.leases.js';
import { RunOutcomeWriter } from './run-outcome.writer.js';

export { QUEUE_CORE_TOKEN };

/** Providers of runs that a queue places. */
export const queuedRunProviders: Provider[] = [
  QueuedRunRepository,
  HandlerQueues,
  RunEnqueuer,
  RunLeases,
  RunClaimer,
  RunOutcomeWriter,
  QueuedRunWorker,
  QueueCore,
  { provide: QUEUE_CORE_TOKEN, useExisting: QueueCore },
];
