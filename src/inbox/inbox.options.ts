import { fields, whole } from '../option.checks.js';

/**
 * How long and how many POSTs may wait until they are durable. All durations are milliseconds.
 *
 * @publicApi
 */
export interface ReceivingOptions {
  /** Milliseconds until a POST that is not yet durable is answered 503, for the sender to retry. @default 10000 */
  ackTimeout?: number;
  /** How many POSTs may wait for the inbox before new ones are answered 503. @default 10000 */
  maxQueued?: number;
}

/** The options with every default filled in. */
export type ReceivingSettings = Readonly<Required<ReceivingOptions>>;

export const RECEIVING_SETTINGS = Symbol('cr3dentials-webhook receiving settings');

export const receivingCheck = fields({ ackTimeout: whole(1), maxQueued: whole(1) });

export function receivingSettings({
  ackTimeout = 10_000,
  maxQueued = 10_000,
}: ReceivingOptions = {}): ReceivingSettings {
  return { ackTimeout, maxQueued };
}
