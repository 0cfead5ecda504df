import { Inject, Injectable } from '@nestjs/common';
import { PermanentError, RetryAfterError } from '../handlers/handler.errors.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { errorName } from '../../instrumentation/single-line.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import {
  PROCESSING_SETTINGS,
  type ProcessingSettings,
  type RetryFunction,
  type RetrySetting,
} from '../processing.options.js';

/**
 * Replaces a function of the host that does not answer. A handler that has another policy is no reason to give up soon.
 */
const FALLBACK = { attempts: 12, initialDelayMs: 60_000, maxDelayMs: 3_600_000 } as const;
/** One year. */
const MAX_DELAY_MS = 365 * 24 * 3_600_000;

/** Source of random numbers from 0 to 1. Tests provide one of their own. */
export abstract class RandomSource {
  abstract next(): number;
}

/** A handler, as far as its retries go. */
export type RetriedHandler = Pick<VerificationHandler, 'id' | 'settings'>;

/** Decides when a handler runs again: by its own policy, or by that of all handlers. */
@Injectable()
export class RetryPolicy {
  constructor(
    @Inject(PROCESSING_SETTINGS) private readonly settings: Pick<ProcessingSettings, 'retry'>,
    private readonly random: RandomSource,
    private readonly instrumentation: Instrumentation,
  ) {}

  /**
   * Returns the delay in milliseconds, or `dead`. `PermanentError` and `RetryAfterError` take precedence over the
   * policy.
   *
   * @param handler the handler that has failed
   * @param attempt the attempt that has just failed, counted from 1
   */
  afterFailure(
    handler: RetriedHandler,
    attempt: number,
    error: unknown,
  ): { delay: number; usesAttempt: boolean } | 'dead' {
    if (error instanceof PermanentError) return 'dead';
    if (error instanceof RetryAfterError) return { delay: clampDelay(error.delay), usesAttempt: false };
    const delay = this.delayAfter(handler, attempt, error);
    return delay === 'dead' ? 'dead' : { delay: clampDelay(delay), usesAttempt: true };
  }

  /** Returns the delay in milliseconds after an interruption, which uses up no attempt. */
  afterInterruption(handler: RetriedHandler): number {
    const retry = this.policyOf(handler);
    return typeof retry === 'function' ? 1_000 : retry.initialDelay;
  }

  /** Returns the number of attempts that a handler has. Undefined where a function of the host decides. */
  maxAttempts(handler: RetriedHandler): number | undefined {
    const retry = this.policyOf(handler);
    return typeof retry === 'function' ? undefined : retry.attempts;
  }

  private policyOf({ settings }: RetriedHandler): RetrySetting {
    return settings?.retry ?? this.settings.retry;
  }

  private delayAfter(handler: RetriedHandler, attempt: number, error: unknown): number | 'dead' {
    const retry = this.policyOf(handler);
    if (typeof retry === 'function') {
      const option = retry === this.settings.retry ? 'processing.retry' : `retry of the handler ${handler.id}`;
      return this.ask(option, retry, attempt, error);
    }
    if (attempt >= retry.attempts) return 'dead';
    if (retry.initialDelay === 0) return 0; // 0 multiplied by an infinite factor is NaN
    const delay = Math.min(retry.maxDelay, retry.initialDelay * retry.factor ** (attempt - 1));
    return retry.jitter === 'full' ? this.random.next() * delay : delay;
  }

  /** A fault of the host's function must neither end a delivery soon, nor retry it in a tight loop or for ever. */
  private ask(option: string, retry: RetryFunction, attempt: number, error: unknown): number | 'dead' {
    const { delay, problem } = answerOf(retry, attempt, error);
    if (delay !== undefined) return delay;
    this.instrumentation.announce('retry-policy-failed', { option, problem });
    if (attempt >= FALLBACK.attempts) return 'dead';
    return Math.min(FALLBACK.maxDelayMs, FALLBACK.initialDelayMs * 2 ** (attempt - 1));
  }
}

function answerOf(
  retry: RetryFunction,
  attempt: number,
  error: unknown,
): { delay: number | 'dead'; problem?: never } | { delay?: never; problem: string } {
  try {
    const answer: unknown = retry(attempt, error);
    if (answer === 'dead' || (typeof answer === 'number' && answer >= 0 && answer !== Infinity))
      return { delay: answer };
    return { problem: `returned ${describe(answer)}` };
  } catch (failure) {
    return { problem: `threw ${errorName(failure)}` };
  }
}

/** Names the kind of an answer without its value. A number says nothing about anybody. */
function describe(answer: unknown): string {
  if (typeof answer === 'number') return String(answer);
  if (answer === null) return 'null';
  if (typeof Object(answer).then !== 'function') return `a value of type ${typeof answer}`;
  Promise.resolve(answer).catch(() => {}); // it would end the process
  return 'a promise';
}

function clampDelay(delay: number): number {
  return Math.round(Math.min(delay, MAX_DELAY_MS));
}
