import { fields, whole } from '../option.checks.js';

/**
 * Limits on the time, the number and the size of POSTs that wait until they are durable. All durations are
 * milliseconds.
 *
 * @publicApi
 */
export interface ReceivingOptions {
  /** Time after which a POST that is not yet durable is answered 503, for the sender to retry. @default 10000 */
  ackTimeout?: number;
  /**
   * Number of POSTs that may wait for their secrets or their record. Further ones are answered 503. @default 10000
   */
  maxQueued?: number;
  /**
   * Size of the bodies of these POSTs in all, in bytes. Further ones are answered 503. A POST that waits alone may be
   * larger. @default 33554432, which is 32 MiB
   */
  maxQueuedBytes?: number;
}

/** Options with every default filled in. */
export type ReceivingSettings = Readonly<Required<ReceivingOptions>>;

/**
 * Milliseconds since its completion after which a session may have been forgotten; undefined if none ever is. It is
 * shorter than the time for which rows are kept.
 */
export const STALE_AFTER = Symbol('cr3dentials-webhook stale after');

export const RECEIVING_SETTINGS = Symbol('cr3dentials-webhook receiving settings');

export const receivingCheck = fields({ ackTimeout: whole(1), maxQueued: whole(1), maxQueuedBytes: whole(1) });

export function receivingSettings({
  ackTimeout = 10_000,
  maxQueued = 10_000,
  maxQueuedBytes = 32 * 1024 * 1024,
}: ReceivingOptions = {}): ReceivingSettings {
  return { ackTimeout, maxQueued, maxQueuedBytes };
}
