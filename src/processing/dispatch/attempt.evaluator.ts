import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { parseRawBody } from '../../contract/raw-body.js';
import type { VerificationPayload } from '../../contract/verification.payload.js';
import type { HandlerRun } from '../../inbox/handler-run.entity.js';
import type { ClaimedDelivery } from '../../inbox/claimed-delivery.js';
import { PayloadCodec, runErrorPlace } from '../../inbox/payload.codec.js';
import { redactError } from '../../instrumentation/error.redactor.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import type { VerificationEvent } from '../handlers/verification.event.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import type { AttemptResult } from './handler.runner.js';
import { InterruptionCounter } from './interruption.counter.js';
import { RetryPolicy } from './retry.policy.js';
import type { ObservedAttempt, AttemptEnd } from './attempt.observer.js';

/** Tries per lease of a run that is locked by another worker or has no connection. */
const TRIES_PER_LEASE = 6;

/** One attempt of one handler, and what became of it. */
export interface EndedAttempt {
  readonly handler: VerificationHandler;
  readonly event: VerificationEvent;
  readonly attempt: number;
  readonly result: AttemptResult;
  /** Undefined while nobody follows runs. */
  readonly observed: ObservedAttempt | undefined;
  /** Epoch milliseconds of the call of the handler, and of its end. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Decides what follows from the result of an attempt, and announces it. */
@Injectable()
export class AttemptEvaluator {
  constructor(
    private readonly policy: RetryPolicy,
    private readonly interruptions: InterruptionCounter,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly codec: PayloadCodec,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {}

  /** @param before the run as it was stored, if it was */
  evaluate(delivery: ClaimedDelivery, executed: EndedAttempt, before: HandlerRun | undefined): HandlerRun {
    const { handler, attempt, result } = executed;
    const updatedAt = this.clock.now();
    const [deliveryId, id] = [delivery.id, handler.id];
    const run = { deliveryId, handler: id, attempts: attempt, nextAttemptAt: null, lastError: null, updatedAt };
    if (result.ended === 'completed') return { ...run, state: 'completed' };
    if (result.ended === 'held-back') {
      const nextAttemptAt = updatedAt + result.retryIn;
      return { ...run, state: 'pending', attempts: attempt - 1, nextAttemptAt, lastError: before?.lastError ?? null };
    }
    const text = redact(result.error, delivery, executed.event);
    const error = { text, cause: result.error };
    const lastError = this.stored(text, delivery, id);
    const later = (nextIn: number, attempts: number): HandlerRun => {
      this.announce(deliveryId, executed, { outcome: result.ended, nextIn, error });
      return { ...run, state: 'pending', attempts, nextAttemptAt: updatedAt + nextIn, lastError };
    };
    const freeDelay =
      result.ended === 'interrupted' ? this.delayAfterInterruption(deliveryId, handler, result) : undefined;
    if (freeDelay !== undefined) return later(freeDelay, attempt - 1);
    this.interruptions.forget(deliveryId, id);
    const retry = this.policy.afterFailure(handler, attempt, result.error);
    if (retry !== 'dead') return later(retry.delay, retry.usesAttempt ? attempt : attempt - 1);
    this.announce(deliveryId, executed, { outcome: 'dead', error });
    return { ...run, state: 'dead', lastError };
  }

  /** Returns the error of an execution as its column holds it; null without one. */
  errorOf(delivery: ClaimedDelivery, { result, event, handler }: EndedAttempt): string | null {
    return 'error' in result ? this.stored(redact(result.error, delivery, event), delivery, handler.id) : null;
  }

  /** Returns an error as its column holds it. Without a key nothing is stored of it: it may quote the person. */
  private stored(error: string, { id, tenant }: ClaimedDelivery, handler: string): string | null {
    try {
      return this.codec.encode(error, runErrorPlace(id, handler, tenant));
    } catch {
      return null;
    }
  }

  /** Announces the end of a run, to whoever follows it too. */
  announce(
    deliveryId: string,
    { handler, attempt, observed, startedAt, endedAt }: Omit<EndedAttempt, 'event' | 'result'>,
    end: AttemptEnd,
  ): void {
    const maxAttempts = this.policy.maxAttempts(handler);
    const { outcome, nextIn, error } = end;
    const [id, took, text] = [handler.id, endedAt - startedAt, error?.text];
    const run = { deliveryId, handler: id, attempt, maxAttempts, outcome, nextIn, error: text, took };
    this.instrumentation.announce('attempt-ended', run);
    observed?.end(end);
  }

  /** Returns the delay after an interruption that uses up no attempt. Returns `undefined` if this one does. */
  private delayAfterInterruption(
    deliveryId: string,
    handler: VerificationHandler,
    { isLocked, hasNotBegun }: { isLocked?: boolean; hasNotBegun?: boolean },
  ): number | undefined {
    if (isLocked || hasNotBegun) return Math.round(this.settings.lease / TRIES_PER_LEASE);
    const inARow = this.interruptions.add(deliveryId, handler.id);
    return inARow && this.policy.afterInterruption(handler) * 2 ** (inARow - 1);
  }
}

/** Redacts what was sent, and what the host's classes have made of it. A handler may have changed the second. */
function redact(error: unknown, { rawBody }: ClaimedDelivery, event: VerificationEvent): string {
  const payload = parseRawBody(rawBody) as Partial<VerificationPayload>;
  const { metadata, externalReferenceId, proofHash, sessionId } = payload;
  const extractedData = [payload.extractedData, event.extractedData];
  return redactError(error, { extractedData, metadata, externalReferenceId, proofHash, sessionId });
}
