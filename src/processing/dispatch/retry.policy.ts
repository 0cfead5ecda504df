import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '../../cr3dentials-webhook.tokens.js';
import { PermanentError, RetryAfterError } from '../handlers/handler.errors.js';

/**
 * Exponential backoff: the n-th retry waits up to `initialDelay * factor ** (n - 1)`, never longer than `maxDelay`.
 *
 * @publicApi
 */
export interface RetryOptions {
  /** How often a handler is called for one delivery before it is dead. @default 12 */
  attempts?: number;
  /** Milliseconds before the second attempt. @default 1000 */
  initialDelay?: number;
  /** Milliseconds that no delay exceeds. @default 3600000 */
  maxDelay?: number;
  /** What each delay is multiplied by for the next. @default 2 */
  factor?: number;
  /** `'full'`: anything from 0 to the delay, so that what failed together does not return together. @default 'full' */
  jitter?: 'full' | 'none';
}

/**
 * Answers the milliseconds until the next attempt, or `'dead'`.
 *
 * @param attempt the attempt that has just failed, counted from 1
 * @publicApi
 */
export type RetryFunction = (attempt: number, error: unknown) => number | 'dead';

/** A policy with every default filled in, or the host's function. */
export type RetrySetting = Required<RetryOptions> | RetryFunction;

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
    @Inject(SETTINGS) private readonly settings: { retry: RetrySetting },
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
