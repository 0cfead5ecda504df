import { Inject, Injectable } from '@nestjs/common';
import { PermanentError, RetryAfterError } from '../handlers/handler.errors.js';
import { PROCESSING_SETTINGS, type ProcessingSettings, type RetryFunction } from '../processing.options.js';

const FALLBACK_DELAY_MS = 60_000;
/** One year. */
const MAX_DELAY_MS = 365 * 24 * 3_600_000;

/** Source of random numbers from 0 to 1. Tests provide one of their own. */
export abstract class RandomSource {
  abstract next(): number;
}

@Injectable()
export class RetryPolicy {
  constructor(
    @Inject(PROCESSING_SETTINGS) private readonly settings: Pick<ProcessingSettings, 'retry'>,
    private readonly random: RandomSource,
  ) {}

  /**
   * Returns the delay in milliseconds, or `dead`. `PermanentError` and `RetryAfterError` take precedence over the
   * policy.
   *
   * @param attempt the attempt that has just failed, counted from 1
   */
  afterFailure(attempt: number, error: unknown): { delay: number; usesAttempt: boolean } | 'dead' {
    if (error instanceof PermanentError) return 'dead';
    if (error instanceof RetryAfterError) return { delay: clampDelay(error.delay), usesAttempt: false };
    const delay = this.delayAfter(attempt, error);
    return delay === 'dead' ? 'dead' : { delay: clampDelay(delay), usesAttempt: true };
  }

  /** Returns the delay in milliseconds after an interruption, which uses up no attempt. */
  afterInterruption(): number {
    return typeof this.settings.retry === 'function' ? 1_000 : this.settings.retry.initialDelay;
  }

  private delayAfter(attempt: number, error: unknown): number | 'dead' {
    const { retry } = this.settings;
    if (typeof retry === 'function') return callRetryFunction(retry, attempt, error);
    if (attempt >= retry.attempts) return 'dead';
    if (retry.initialDelay === 0) return 0; // 0 multiplied by an infinite factor is NaN
    const delay = Math.min(retry.maxDelay, retry.initialDelay * retry.factor ** (attempt - 1));
    return retry.jitter === 'full' ? this.random.next() * delay : delay;
  }
}

/**
 * Returns the fallback delay when the host's function throws or returns an invalid value. Such a bug must neither kill
 * a delivery nor retry it in a tight loop.
 */
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
