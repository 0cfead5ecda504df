import { anything, atLeast, boolean, either, fields, invalid, isFunction, oneOf, whole } from '../option.checks.js';

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

/**
 * How deliveries are handed to handlers on this instance. All durations are milliseconds.
 *
 * @publicApi
 */
export interface ProcessingOptions {
  /** `false` makes a receive-only instance: it records deliveries for others to process. @default true */
  enabled?: boolean;
  /** How many deliveries are processed at the same time by this instance. @default 20 */
  concurrency?: number;
  /** Milliseconds after which a handler's signal is aborted and its attempt counts as failed. @default 60000 */
  handlerTimeout?: number;
  /** Milliseconds that a shutdown waits for running handlers before it aborts them. @default 10000 */
  drainTimeout?: number;
  /** Milliseconds that a worker owns a delivery without renewing. It renews after a third of them. @default 30000 */
  lease?: number;
  /** Milliseconds between two looks for retries, and for work that other instances left. @default 1000 */
  pollInterval?: number;
  /** When a failed handler runs again: a policy, or a function that answers milliseconds or `'dead'`. */
  retry?: RetryOptions | RetryFunction;
}

/** A policy with every default filled in, or the host's function. */
export type RetrySetting = Readonly<Required<RetryOptions>> | RetryFunction;

/** The options with every default filled in. */
export interface ProcessingSettings extends Readonly<Required<Omit<ProcessingOptions, 'retry'>>> {
  readonly retry: RetrySetting;
}

export const PROCESSING_SETTINGS = Symbol('cr3dentials-webhook processing settings');

export const processingCheck = fields({
  enabled: boolean,
  concurrency: whole(1),
  handlerTimeout: whole(1),
  drainTimeout: whole(0),
  lease: whole(100),
  pollInterval: whole(1),
  retry: either(
    isFunction,
    anything,
    fields({
      attempts: whole(1),
      initialDelay: whole(0),
      maxDelay: whole(0),
      factor: atLeast(1),
      jitter: oneOf('full', 'none'),
    }),
  ),
});

/** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when two of them contradict each other. */
export function processingSettings({
  enabled = true,
  concurrency = 20,
  handlerTimeout = 60_000,
  drainTimeout = 10_000,
  lease = 30_000,
  pollInterval = 1_000,
  retry,
}: ProcessingOptions = {}): ProcessingSettings {
  if (pollInterval > lease) {
    throw invalid(
      'Option "processing.pollInterval" is longer than "processing.lease". Lower "processing.pollInterval".',
    );
  }
  return { enabled, concurrency, handlerTimeout, drainTimeout, lease, pollInterval, retry: retrySetting(retry) };
}

function retrySetting(retry: RetryOptions | RetryFunction = {}): RetrySetting {
  if (typeof retry === 'function') return retry;
  const { attempts = 12, initialDelay = 1_000, maxDelay = 3_600_000, factor = 2, jitter = 'full' } = retry;
  if (initialDelay > maxDelay) {
    throw invalid(
      'Option "processing.retry.initialDelay" is longer than "processing.retry.maxDelay". Raise "processing.retry.maxDelay".',
    );
  }
  return { attempts, initialDelay, maxDelay, factor, jitter };
}
