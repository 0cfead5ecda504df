import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchWindow } from '../../concurrency/batch.window.js';
import { Clock } from '../../clock.js';
import type { Cancellation } from '../../concurrency/cancellation.js';
import { toOccurrenceError } from '../../database/database.errors.js';
import type { RunSettlement } from '../../inbox/queued-run.js';
import { QueuedRunRepository } from '../../inbox/queued-run.repository.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../../instrumentation/telemetry.hooks.js';

const BATCH_WINDOW_MS = 10;
const MAX_ROWS = 100;
const RETRY_DELAY_MS = 500;

/** Outcome of a run, with the `traceparent` of the POST of its delivery. */
type TracedOutcome = RunSettlement & { readonly traceContext: string | null };

interface Waiting {
  readonly outcome: TracedOutcome;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Writes the outcomes of runs that came from queues, gathered for a moment. */
@Injectable()
export class RunOutcomeWriter {
  private readonly window = new BatchWindow<Waiting>(BATCH_WINDOW_MS, MAX_ROWS, (batch) => this.write(batch));

  constructor(
    private readonly repository: QueuedRunRepository,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
  ) {}

  /**
   * Resolves once the outcome is durable, or another worker has the run. Writes at least once, and tries again until the
   * cancellation is requested: the lease was lost, or this instance stops. The run comes again then.
   */
  async finish(outcome: TracedOutcome, cancellation: Cancellation): Promise<void> {
    for (;;) {
      try {
        return await new Promise<void>((resolve, reject) => this.window.add({ outcome, resolve, reject }));
      } catch (error) {
        const failure = { operation: 'settle', count: 1, error: toOccurrenceError(error) } as const;
        this.instrumentation.announce('database-unavailable', failure);
        if (cancellation.isRequested) return;
        await sleep(RETRY_DELAY_MS);
      }
    }
  }

  /** Writes outcomes one by one that cannot be written together, because somebody has locked one for example. */
  private async write(batch: readonly Waiting[]): Promise<void> {
    if (batch.length > 1 && (await this.finishAll(batch))) return;
    for (const waiting of batch) await this.finishAll([waiting], waiting.reject);
  }

  private async finishAll(batch: readonly Waiting[], reject: (error: unknown) => void = () => {}): Promise<boolean> {
    const outcomes = batch.map(({ outcome }) => outcome);
    const begunAt = performance.now();
    try {
      const written = await this.repository.finish(outcomes, this.clock.now());
      this.telemetry.batch('settle', outcomes, begunAt);
      if (written < outcomes.length)
        this.instrumentation.announce('outcome-late', { count: outcomes.length - written });
    } catch (error) {
      reject(error);
      return false;
    }
    for (const { resolve } of batch) resolve();
    return true;
  }
}
