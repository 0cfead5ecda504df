import { atLeast, boolean, either, fields, invalid, isFunction, oneOf, whole, type Check } from '../option.checks.js';

/**
 * Exponential backoff. The n-th retry waits up to `initialDelay * factor ** (n - 1)`, and never longer than `maxDelay`.
 *
 * @publicApi
 */
export interface RetryOptions {
  /** Number of attempts of a handler for one delivery. After the last one, the handler is `dead`. @default 96 */
  attempts?: number;
  /** Milliseconds before the second attempt. @default 1000 */
  initialDelay?: number;
  /** Maximum delay in milliseconds. @default 3600000 */
  maxDelay?: number;
  /** Factor between one delay and the next. @default 2 */
  factor?: number;
  /**
   * Randomness of the delay. `'full'` draws it from 0 to the computed delay, so that handlers which failed together are
   * not retried together.
   *
   * @default 'full'
   */
  jitter?: 'full' | 'none';
}

/**
 * Returns the milliseconds until the next attempt, or `'dead'`, at once: a promise is invalid. If it throws or returns
 * an invalid value, an ERROR line says so, the delay is 60000 and doubles up to 3600000, and the 12th attempt is the
 * last.
 *
 * @param attempt the attempt that has just failed, counted from 1
 * @publicApi
 */
export type RetryFunction = (attempt: number, error: unknown) => number | 'dead';

/**
 * Options for running handlers on this instance. All durations are milliseconds.
 *
 * @publicApi
 */
export interface ProcessingOptions {
  /** Processes deliveries. An instance with `false` only records them, for other instances. @default true */
  enabled?: boolean;
  /**
   * Maximum number of deliveries that this instance processes at the same time. Deliveries that take longer than a
   * sixth of `handlerTimeout`, and executions that continue after an abort, do not count; up to four times as many of
   * these run besides.
   *
   * @default 20
   */
  concurrency?: number;
  /** Milliseconds after which a handler's signal is aborted and its attempt counts as failed. @default 60000 */
  handlerTimeout?: number;
  /** Milliseconds that a shutdown waits for running handlers before it aborts them. @default 10000 */
  drainTimeout?: number;
  /**
   * Milliseconds until a lease expires, from 1000 to 600000. A worker renews its leases after a third of them.
   *
   * @default 30000
   */
  lease?: number;
  /** Milliseconds between two polls of the database for due deliveries and expired leases. @default 1000 */
  pollInterval?: number;
  /** Retry policy of failed handlers, or a function that returns milliseconds or `'dead'`. */
  retry?: RetryOptions | RetryFunction;
}

/** Policy with every default filled in, or the host's function. */
export type RetrySetting = Readonly<Required<RetryOptions>> | RetryFunction;

/** Options with every default filled in. */
export interface ProcessingSettings extends Readonly<Required<Omit<ProcessingOptions, 'retry'>>> {
  readonly retry: RetrySetting;
}

/** Longest lease. One that ends later was given before the clock of the database was set back. */
export const MAX_LEASE_MS = 600_000;

export const PROCESSING_SETTINGS = Symbol('cr3dentials-webhook processing settings');

/** Refuses a function that cannot answer with a number. Another one may still return a promise. */
const answersAtOnce: Check = (value, name) => {
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (kind === 'Function') return;
  throw invalid(
    `Option "${name}" is of the kind ${kind}, but must return milliseconds or 'dead' at once. Write a function without "async" or "*".`,
  );
};

export const retryCheck: Check = either(
  isFunction,
  answersAtOnce,
  fields({
    attempts: whole(1),
    initialDelay: whole(0),
    maxDelay: whole(0),
    factor: atLeast(1),
    jitter: oneOf('full', 'none'),
  }),
);

export const processingCheck = fields({
  enabled: boolean,
  concurrency: whole(1),
  handlerTimeout: whole(1),
  drainTimeout: whole(0),
  lease: whole(1_000, MAX_LEASE_MS),
  pollInterval: whole(1),
  retry: retryCheck,
});

/**
 * Fills in the defaults.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when two of the options contradict each other
 */
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

const RETRY_DEFAULTS = {
  attempts: 96,
  initialDelay: 1_000,
  maxDelay: 3_600_000,
  factor: 2,
  jitter: 'full',
} as const satisfies RetrySetting;

/**
 * Fills in what a policy leaves out.
 *
 * @param name path of the option, for messages
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`
 */
export function retrySetting(
  retry: RetryOptions | RetryFunction = {},
  defaults: Exclude<RetrySetting, RetryFunction> = RETRY_DEFAULTS,
  name = 'processing.retry',
): RetrySetting {
  if (typeof retry === 'function') return retry;
  const given = Object.entries(retry).filter(([, value]) => value !== undefined);
  const policy = { ...defaults, ...(Object.fromEntries(given) as RetryOptions) };
  if (policy.initialDelay > policy.maxDelay)
    throw invalid(`Option "${name}.initialDelay" is longer than "${name}.maxDelay". Raise "${name}.maxDelay".`);
  return policy;
}
