import type { VerificationStatus } from '../contract/verification-status.js';
import type { TallyPoint } from './tally.view.js';

/**
 * State of an instance. `lost`: it was not heard of for 60 seconds, and has not stopped. It crashed, hangs, or has no
 * database.
 *
 * @publicApi
 */
export type InstanceState = 'live' | 'stopped' | 'lost';

/**
 * Handler that an instance has.
 *
 * @publicApi
 */
export interface InstanceHandler {
  /** Stable id. */
  readonly id: string;
  /** Statuses that it is subscribed to. */
  readonly statuses: readonly VerificationStatus[];
  /** True if it runs in the transaction that completes it. */
  readonly isTransactional: boolean;
}

/**
 * Instance of the application, as it has last written of itself. All times are epoch milliseconds of the database's
 * clock.
 *
 * @publicApi
 */
export interface Instance {
  /** UUIDv7: the `leaseOwner` of its deliveries. Each start has a new one. */
  readonly id: string;
  /** Whether it is there. */
  readonly state: InstanceState;
  /** Name of the machine. */
  readonly host: string;
  /** Id of the process. */
  readonly pid: number;
  /** Version of this package. */
  readonly version: string;
  /** Version of the application, from the `npm_package_version` of its environment; null without one. */
  readonly appVersion: string | null;
  /** True if it has a route that receives POSTs. */
  readonly receives: boolean;
  /** True if it runs handlers. */
  readonly processes: boolean;
  /** Time of its start. */
  readonly startedAt: number;
  /** Time when it last wrote. */
  readonly heardAt: number;
  /** Time when it stopped in order; null if it has not. */
  readonly stoppedAt: number | null;
  /** Number of deliveries that it was processing. */
  readonly inFlight: number;
  /** Number of deliveries that it may process at a time; 0 if it does not. */
  readonly concurrency: number;
  /** Milliseconds between its clock and that of the database. */
  readonly clockOffset: number;
  /** False if an acknowledged delivery could be lost in a crash. */
  readonly isDurable: boolean;
  /** Its handlers. */
  readonly handlers: readonly InstanceHandler[];
  /** Its secrets by id, without tenants: a resolver is not asked. */
  readonly secrets: readonly string[];
  /** Times after which these are refused, in the same order; null for never. */
  readonly secretExpiries: readonly (number | null)[];
  /** Its options with their defaults, without secrets and keys. A function is `'a function'`. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * Handler of all instances together.
 *
 * @publicApi
 */
export interface HandlerSummary {
  /** Stable id. */
  readonly id: string;
  /** Statuses that it is subscribed to, on any live instance. */
  readonly statuses: readonly VerificationStatus[];
  /** True if it runs in the transaction that completes it; null if no live instance has it. */
  readonly isTransactional: boolean | null;
  /** Ids of the live instances that have it. Empty if only deliveries name it any more. */
  readonly instances: readonly string[];
  /** Number of dead deliveries that name it, of those that 200 milliseconds suffice to look at, up to 10 000. */
  readonly dead: number;
  /** Executions of this hour of the clock and of the one before. */
  readonly recent: HandlerActivity;
}

/**
 * Executions of a handler, on all instances together. Interrupted ones are not counted.
 *
 * @publicApi
 */
export interface HandlerActivity {
  /** Number of executions that completed or failed. */
  readonly runs: number;
  /** Number of those that failed. */
  readonly failures: number;
  /** Share of those that completed, from 0 to 1; null without an execution. */
  readonly success: number | null;
  /** Milliseconds from the call to the completion. Each is off by a fifth at most. Null if none completed. */
  readonly latency: TallyPoint['latency'];
}

/**
 * Use of a secret by all instances together, without its value.
 *
 * @publicApi
 */
export interface SecretRecord {
  /** Name of the secret: its `id`, or its place in the list, such as `secrets[0]`. */
  readonly id: string;
  /** Tenant that `resolveSecrets` returned with it; empty otherwise. */
  readonly tenant: string;
  /** Time of the first POST that carried it; null without one. */
  readonly firstUsedAt: number | null;
  /** Time of the last POST that carried it; null without one. */
  readonly lastUsedAt: number | null;
  /** Time of the last POST that carried it after its `notAfter`, and was refused; null without one. */
  readonly lastExpiredUseAt: number | null;
  /** Time after which it is refused, as a live instance has it; null for never, and if none has it. */
  readonly notAfter: number | null;
  /** Ids of the live instances that have it configured. */
  readonly instances: readonly string[];
}
