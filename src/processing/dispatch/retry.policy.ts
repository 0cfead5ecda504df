import { Inject, Injectable } from '@nestjs/common';
import { PermanentError, RetryAfterError } from '../handlers/handler.errors.js';
import { PROCESSING_SETTINGS, type ProcessingSettings, type RetryFunction } from '../processing.options.js';

const FALLBACK_DELAY_MS = 60_000;
/** A year: what is due later is due never. */
const MAX_DELAY_MS = 365 * 24 * 3_600_000;

/** Randomness from 0 to 1; injected, so that a test can say what it is. */
export abstract class RandomSource {
  abstract next(): number;
}

@Injectable()
export class RetryPolicy {
  constructor(
    @Inject(PROCESSING_SETTINGS) private readonly settings: Pick<ProcessingSettings, 'retry'>,
    private readonly random: RandomSource,
  ) {}

  /** @param attempt the attempt that has just failed, counted from 1 */
  afterFailure(attempt: number, error: unknown): { delay: number; usesAttempt: boolean } | 'dead' {
    if (error instanceof PermanentError) return 'dead';
    if (error instanceof RetryAfterError) return { delay: clampDelay(error.delay), usesAttempt: false };
    const delay = this.delayAfter(attempt, error);
    return delay === 'dead' ? 'dead' : { delay: clampDelay(delay), usesAttempt: true };
  }

  /** Until a handler that was interrupted through no fault of its own runs again. */
  afterInterruption(): number {
    return typeof this.settings.retry === 'function' ? 1_000 : this.settings.retry.initialDelay;
  }

  private delayAfter(attempt: number, error: unknown): number | 'dead' {
    const { retry } = this.settings;
    if (typeof retry === 'function') return callRetryFunction(retry, attempt, error);
    if (attempt >= retry.attempts) return 'dead';
    if (retry.initialDelay === 0) return 0; // times an infinite factor it would be no number
    const delay = Math.min(retry.maxDelay, retry.initialDelay * retry.factor ** (attempt - 1));
    return retry.jitter === 'full' ? this.random.next() * delay : delay;
  }
}

/** A host's function that throws or answers nonsense must not bury a delivery, nor run it in a loop. */
function callRetryFunction(retry: RetryFunction, attempt: number, error: unknown): number | 'dead' {
  try {
    const answer = retry(attempt, error);
    return answer === 'dead' || (Number.isFinite(answer) && answer >= 0) ? answer : FALLBACK_DELAY_MS;
  } catch {
    return FALLBACK_DELAY_MS;
  }
}

function clampDelay(delay: number): number {
  return Math.round(Math.min(delay, MAX_DELAY_MS));
}
