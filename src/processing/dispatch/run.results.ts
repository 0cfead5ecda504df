import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { parseRawBody } from '../../contract/raw-body.js';
import type { VerificationPayload } from '../../contract/verification.payload.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { ClaimedDelivery } from '../../inbox/delivery.factory.js';
import { PayloadCodec } from '../../inbox/payload.codec.js';
import { redactError } from '../../instrumentation/error.redactor.js';
import type { RunOutcome } from '../../instrumentation/inbox.signals.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import type { VerificationEvent } from '../handlers/verification.event.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import type { RunResult } from './handler.runner.js';
import { InterruptionCounter } from './interruption.counter.js';
import { RetryPolicy } from './retry.policy.js';

/** Number of times in a lease that a run is tried which another worker has. */
const LOCKED_TRIES_PER_LEASE = 6;

/** One attempt of one handler, and what became of it. */
export interface Executed {
  readonly handler: VerificationHandler;
  readonly event: VerificationEvent;
  readonly attempt: number;
  readonly result: RunResult;
}

/** Decides what follows from the result of an attempt, and announces it. */
@Injectable()
export class RunResults {
  constructor(
    private readonly policy: RetryPolicy,
    private readonly interruptions: InterruptionCounter,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly codec: PayloadCodec,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {}

  /** @param before the run as it was stored, if it was */
  toHandlerRun(delivery: ClaimedDelivery, executed: Executed, before: HandlerRun | undefined): HandlerRun {
    const { handler, attempt, result } = executed;
    const updatedAt = this.clock.now();
    const [deliveryId, id] = [delivery.id, handler.id];
    const run = { deliveryId, handler: id, attempts: attempt, nextAttemptAt: null, lastError: null, updatedAt };
    if (result.ended === 'completed') {
      this.announce(deliveryId, executed, 'completed');
      return { ...run, state: 'completed' };
    }
    if (result.ended === 'held-back') {
      const nextAttemptAt = updatedAt + result.retryIn;
      return { ...run, state: 'pending', attempts: attempt - 1, nextAttemptAt, lastError: before?.lastError ?? null };
    }
    const error = redact(result.error, delivery, executed.event);
    const lastError = this.stored(error, delivery, id);
    const later = (nextIn: number, attempts: number): HandlerRun => {
      this.announce(deliveryId, executed, result.ended, { nextIn, error });
      return { ...run, state: 'pending', attempts, nextAttemptAt: updatedAt + nextIn, lastError };
    };
    const freeDelay = result.ended === 'interrupted' ? this.delayAfterInterruption(run, result) : undefined;
    if (freeDelay !== undefined) return later(freeDelay, attempt - 1);
    this.interruptions.forget(deliveryId, id);
    const retry = this.policy.afterFailure(attempt, result.error);
    if (retry !== 'dead') return later(retry.delay, retry.usesAttempt ? attempt : attempt - 1);
    this.announce(deliveryId, executed, 'dead', { error });
    return { ...run, state: 'dead', lastError };
  }

  /** Returns an error as its column holds it. Without a key nothing is stored of it: it may quote the person. */
  private stored(error: string, { id, tenant }: ClaimedDelivery, handler: string): string | null {
    try {
      return this.codec.encode(error, { column: 'handler_run.last_error', row: `${id}/${handler}`, tenant });
    } catch {
      return null;
    }
  }

  announce(
    deliveryId: string,
    { handler, attempt }: Pick<Executed, 'handler' | 'attempt'>,
    outcome: RunOutcome,
    more?: { nextIn?: number; error?: string },
  ): void {
    const { retry } = this.settings;
    const maxAttempts = typeof retry === 'function' ? undefined : retry.attempts;
    const { nextIn, error } = more ?? {};
    const run = { deliveryId, handler: handler.id, attempt, maxAttempts, outcome, nextIn, error };
    this.instrumentation.announce('run-ended', run);
  }

  /** Returns the delay after an interruption that uses up no attempt. Returns `undefined` if this one does. */
  private delayAfterInterruption(
    { deliveryId, handler }: Pick<HandlerRun, 'deliveryId' | 'handler'>,
    { isLocked }: { isLocked?: boolean },
  ): number | undefined {
    if (isLocked) return Math.round(this.settings.lease / LOCKED_TRIES_PER_LEASE);
    const inARow = this.interruptions.add(deliveryId, handler);
    return inARow && this.policy.afterInterruption() * 2 ** (inARow - 1);
  }
}

/** Redacts what was sent, and what the host's classes have made of it. A handler may have changed the second. */
function redact(error: unknown, { rawBody }: ClaimedDelivery, event: VerificationEvent): string {
  const payload = parseRawBody(rawBody) as Partial<VerificationPayload>;
  const { metadata, externalReferenceId, proofHash } = payload;
  const extractedData = [payload.extractedData, event.extractedData];
  return redactError(error, { extractedData, metadata, externalReferenceId, proofHash });
}
