import { fields, whole } from '../option.checks.js';

/**
 * Limits on the time and the number of POSTs that wait until they are durable. All durations are milliseconds.
 *
 * @publicApi
 */
export interface ReceivingOptions {
  /** Time after which a POST that is not yet durable is answered 503, for the sender to retry. @default 10000 */
  ackTimeout?: number;
  /** Number of POSTs that may wait for the inbox. Further ones are answered 503. @default 10000 */
  maxQueued?: number;
}

/** Options with every default filled in. */
export type ReceivingSettings = Readonly<Required<ReceivingOptions>>;

export const RECEIVING_SETTINGS = Symbol('cr3dentials-webhook receiving settings');

export const receivingCheck = fields({ ackTimeout: whole(1), maxQueued: whole(1) });

export function receivingSettings({
  ackTimeout = 10_000,
  maxQueued = 10_000,
}: ReceivingOptions = {}): ReceivingSettings {
  return { ackTimeout, maxQueued };
}
