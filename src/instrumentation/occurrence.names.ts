import type { Occurrences, AttemptMessage } from './occurrences.js';

/** Names of what has a channel of its own. The types demand that none is missing. */
const names: Readonly<Record<keyof Occurrences, true>> = {
  started: true,
  draining: true,
  stopped: true,
  received: true,
  refused: true,
  flushed: true,
  claimed: true,
  rescued: true,
  poisoned: true,
  begun: true,
  settled: true,
  renewed: true,
  'lease-lost': true,
  enqueued: true,
  'queue-claimed': true,
  decided: true,
  erased: true,
  'database-unavailable': true,
};

/**
 * Name of an occurrence.
 *
 * @publicApi
 */
export type OccurrenceName = keyof Occurrences | 'attempt';

/**
 * What every message has.
 *
 * @publicApi
 */
export interface Announced {
  /** Worker that announces it. A process may have several. */
  readonly instance: string;
}

/**
 * Message of an occurrence, as its channel has it.
 *
 * @publicApi
 */
export type OccurrenceMessage<N extends OccurrenceName> = N extends keyof Occurrences
  ? Readonly<Occurrences[N]> & Announced
  : Readonly<AttemptMessage>;

/** Names of the occurrences with a plain channel. */
export const plainOccurrences = Object.keys(names) as readonly (keyof Occurrences)[];

/**
 * Names of all occurrences. Each has the diagnostics channel `cr3dentials-webhook:<name>`, except `attempt`, which has the
 * tracing channel `cr3dentials-webhook.attempt`.
 *
 * @publicApi
 */
export const occurrences: readonly OccurrenceName[] = [...plainOccurrences, 'attempt'];
