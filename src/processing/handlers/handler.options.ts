import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';
import { boolean, fields, invalid, text, whole, type Check } from '../../option.checks.js';
import {
  retryCheck,
  retrySetting,
  type ProcessingSettings,
  type RetryFunction,
  type RetryOptions,
  type RetrySetting,
} from '../processing.options.js';

/**
 * Most times that a handler begins in a time, on each instance.
 *
 * @publicApi
 */
export interface RateLimit {
  /** Number of times that the handler begins in any span of `per` milliseconds, at most. */
  max: number;
  /** Milliseconds. */
  per: number;
}

/**
 * Options of one handler: its limits on each instance, its retry policy and its queue. A run that waits for a limit uses
 * up no attempt, and holds up no other handler.
 *
 * @publicApi
 */
export interface HandlerOptions {
  /** Milliseconds after which the signal of the handler is aborted. @default processing.handlerTimeout */
  timeout?: number;
  /** Retry policy of the handler. What a policy leaves out is as in `processing.retry`. @default processing.retry */
  retry?: RetryOptions | RetryFunction;
  /** Number of deliveries that an instance runs the handler for at the same time. @default no limit of its own */
  concurrency?: number;
  /** How often the handler may begin on an instance. Retries count. @default no limit */
  rateLimit?: RateLimit;
  /**
   * Order in which waiting deliveries are claimed, from 1, which is first. A delivery has the best one of the handlers
   * of its status. One in eight is claimed by its age all the same. Jobs of a queue are ordered by it too.
   *
   * @default after those with a priority
   */
  priority?: number;
  /**
   * Name of the queue whose workers run the handler, by a module such as `nestjs-cr3dentials-webhook/bullmq`: letters,
   * digits, `.`, `_` and `-`, 64 at most. Such a handler has an `id` of its own. The queue limits it, so it has no
   * `concurrency` and no `rateLimit`.
   *
   * @default none: it runs on the instance that claims the delivery
   */
  queue?: string;
}

/** Options of one handler; its retry policy has every default. */
export interface HandlerSettings {
  readonly timeout: number | undefined;
  readonly retry: RetrySetting | undefined;
  readonly concurrency: number | undefined;
  readonly rateLimit: Readonly<RateLimit> | undefined;
  readonly priority: number | undefined;
  readonly queue: string | undefined;
}

/** Largest priority, which is that of BullMQ. */
const MAX_PRIORITY = 2_097_152;
/** Largest number of starts that are remembered for a rate. */
const MAX_RATE = 100_000;

const id: Check = (value, name) => {
  if (value !== '') text(value, name); // the registry refuses it, and says how long an id may be
};

const QUEUE_NAME = /^[\w.-]{1,64}$/;

/** Checks the name of a queue. */
export const queueName: Check = (value, name) => {
  text(value, name);
  if (QUEUE_NAME.test(String(value))) return;
  throw invalid(`Option "${name}" must be 1 to 64 letters, digits, ".", "_" or "-".`);
};

const rateFields = { max: whole(1, MAX_RATE), per: whole(1) };

const rateCheck: Check = (value, name, known) => {
  fields(rateFields)(value, name, known);
  const { max, per } = value as Partial<RateLimit>;
  rateFields.max(max, `${name}.max`);
  rateFields.per(per, `${name}.per`);
};

const CHECKS = {
  timeout: whole(1),
  retry: retryCheck,
  concurrency: whole(1),
  rateLimit: rateCheck,
  priority: whole(1, MAX_PRIORITY),
  queue: queueName,
};

const check = fields({ id, transactional: boolean, ...CHECKS });

/**
 * Returns the options of a decorator that are not its id, nor whether it is transactional.
 *
 * @param method names the method in messages
 * @throws Cr3dentialsWebhookError `HANDLER_INVALID`
 */
export function optionsAmong(options: object, method: string): HandlerOptions {
  asHandler(method, () => {
    check(options, '');
    checkQueue(options);
  });
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => name in CHECKS && value !== undefined));
}

/**
 * Fills in what the policy leaves out. Returns undefined where there is nothing to set.
 *
 * @throws Cr3dentialsWebhookError `HANDLER_INVALID`
 */
export function handlerSettings(
  { timeout, retry, concurrency, rateLimit, priority, queue }: HandlerOptions,
  { retry: common }: Pick<ProcessingSettings, 'retry'>,
  method: string,
): HandlerSettings | undefined {
  const given = [timeout, retry, concurrency, rateLimit, priority, queue];
  if (given.every((option) => option === undefined)) return;
  const defaults = typeof common === 'function' ? undefined : common;
  return {
    timeout,
    retry: retry && asHandler(method, () => retrySetting(retry, defaults, 'retry')),
    concurrency,
    rateLimit,
    priority,
    queue,
  };
}

/** Tells whether the runs of a handler need a permit. */
export function needsPermit({ concurrency, rateLimit }: HandlerSettings): boolean {
  return concurrency !== undefined || rateLimit !== undefined;
}

function checkQueue({ id: handlerId, queue, concurrency, rateLimit }: HandlerOptions & { id?: string }): void {
  if (queue === undefined) return;
  if (handlerId === undefined)
    throw invalid('Option "queue" needs the option "id": other processes call the handler by it. Set an id.');
  if (concurrency === undefined && rateLimit === undefined) return;
  throw invalid(
    'Options "concurrency" and "rateLimit" are of handlers without a queue. Set them for the queue, in its module.',
  );
}

function asHandler<T>(method: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Cr3dentialsWebhookError)) throw error;
    throw new Cr3dentialsWebhookError('HANDLER_INVALID', `@OnVerification of ${method}: ${error.message}`);
  }
}
