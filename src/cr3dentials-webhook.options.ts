import type { Type } from '@nestjs/common';
import type { SecretResolver } from './authentication/secret-resolver.js';
import type { SharedSecret } from './authentication/shared-secrets.js';
import type { RetryFunction, RetryOptions, RetrySetting } from './processing/dispatch/retry.policy.js';

/**
 * Who may post: a static list of secrets, or a function that finds them for each request.
 *
 * @publicApi
 */
export type AuthOptions =
  | {
      /** Name of the header that carries the secret. @default 'X-API-Key' */
      header?: string;
      /**
       * The secrets that are accepted, all at once, so that one can be rotated without refusing a delivery. The whole
       * header value is compared. ASCII only, never empty. `undefined` is allowed by the type so that an environment
       * variable can be passed as it is; it stops the boot.
       */
      secrets: readonly (SharedSecret | undefined)[];
      resolveSecrets?: never;
    }
  | {
      /** Name of the header that carries the secret. @default 'X-API-Key' */
      header?: string;
      /** Finds the tenant and its secrets for a request. Returning nothing answers 401; throwing answers 503. */
      resolveSecrets: SecretResolver;
      secrets?: never;
    };

/**
 * How deliveries are handed to handlers on this instance.
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
}

/**
 * The options that may come from an async factory. Unknown, ill-typed and contradictory ones stop the boot with a
 * message that says what to do. All durations are milliseconds.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookOptions {
  /** Who may post. `'none'` accepts every caller and warns at every boot. Required. */
  auth: AuthOptions | 'none';
  /** Milliseconds until a POST that is not yet durable is answered 503, for the sender to retry. @default 10000 */
  ackTimeout?: number;
  /** How many POSTs may wait for the inbox before new ones are answered 503. @default 10000 */
  maxQueued?: number;
  /**
   * What `extractedData` is expected to be, as a class with class-validator decorators per `platformId`. It is checked
   * before a delivery is recorded: what does not fit is acknowledged and kept as a rejection (`unexpected-data`), and
   * events hold an instance of the class. Asynchronous validators are not asked. @default {}
   */
  platforms?: Readonly<Record<number, Type<object>>>;
  /** How deliveries are handed to handlers on this instance. */
  processing?: ProcessingOptions;
  /** When a failed handler runs again: a policy, or a function that answers milliseconds or `'dead'`. */
  retry?: RetryOptions | RetryFunction;
  /** How long a worker owns a delivery without renewing (a third of it passes between renewals). @default 30000 */
  lease?: { duration?: number };
  /** How often work that nobody announced is looked for: retries, and what other instances left. @default 1000 */
  poll?: { interval?: number };
}

/**
 * The options that Nest needs before any provider exists; beside `useFactory` in `forRootAsync`.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookExtras {
  /** The route, or several; may hold route parameters. @default 'webhook/cr3dentials' */
  path?: string | string[];
  /** Name of the host's TypeORM DataSource. @default the default DataSource */
  dataSource?: string;
  /** Put on the controller, so that a host's global guards let it through (`Public()`, `SkipThrottle()`). @default [] */
  controllerDecorators?: ClassDecorator[];
  /** Whether `Cr3dentialsWebhookInbox` can be injected without importing the module. @default false */
  isGlobal?: boolean;
}

/**
 * What `useClass` and `useExisting` of `forRootAsync` name: a provider that makes the options.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookOptionsFactory {
  createCr3dentialsWebhookOptions(): Cr3dentialsWebhookOptions | Promise<Cr3dentialsWebhookOptions>;
}

/** The options with every default filled in. */
export interface Settings {
  auth: AuthOptions | 'none';
  ackTimeout: number;
  maxQueued: number;
  platforms: Readonly<Record<number, Type<object>>>;
  processing: Required<ProcessingOptions>;
  retry: RetrySetting;
  lease: { duration: number };
  poll: { interval: number };
}

export function withDefaults({
  auth,
  ackTimeout,
  maxQueued,
  platforms,
  processing,
  retry,
  lease,
  poll,
}: Cr3dentialsWebhookOptions): Settings {
  return {
    auth,
    ackTimeout: ackTimeout ?? 10_000,
    maxQueued: maxQueued ?? 10_000,
    platforms: platforms ?? {},
    processing: {
      enabled: processing?.enabled ?? true,
      concurrency: processing?.concurrency ?? 20,
      handlerTimeout: processing?.handlerTimeout ?? 60_000,
      drainTimeout: processing?.drainTimeout ?? 10_000,
    },
    retry:
      typeof retry === 'function'
        ? retry
        : {
            attempts: retry?.attempts ?? 12,
            initialDelay: retry?.initialDelay ?? 1_000,
            maxDelay: retry?.maxDelay ?? 3_600_000,
            factor: retry?.factor ?? 2,
            jitter: retry?.jitter ?? 'full',
          },
    lease: { duration: lease?.duration ?? 30_000 },
    poll: { interval: poll?.interval ?? 1_000 },
  };
}

/** The extras with every default filled in, routes with one slash before them and none behind. */
export function withDefaultExtras({
  path = 'webhook/cr3dentials',
  dataSource,
  controllerDecorators = [],
  isGlobal = false,
}: Cr3dentialsWebhookExtras) {
  const paths = [path].flat().map((route) => `/${route.replace(/^\/+|\/+$/g, '')}`);
  return { path: paths, dataSource, controllerDecorators, isGlobal };
}
