import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';

/** Bounds the number and the bytes of POSTs that wait, for their secrets or for their record. */
export class ReceivingLimit {
  #count = 0;
  #bytes = 0;

  constructor(
    readonly maxCount: number,
    private readonly maxBytes: number,
  ) {}

  /**
   * Counts a POST as waiting, until it leaves. One that waits alone may be of any size, or it could never be received.
   *
   * @throws Cr3dentialsWebhookError `INBOX_FULL`
   */
  enter(bytes: number): void {
    if (this.#count >= this.maxCount) throw inboxFull(`${this.maxCount} POSTs`, 'maxQueued');
    if (this.#count > 0 && this.#bytes + bytes > this.maxBytes)
      throw inboxFull(`POSTs of ${this.#bytes} bytes in all`, 'maxQueuedBytes');
    this.#count++;
    this.#bytes += bytes;
  }

  /** Number of POSTs that wait. */
  get count(): number {
    return this.#count;
  }

  /** Share of the limits that is used, from 0 to 1. */
  get fill(): number {
    return Math.max(this.#count / this.maxCount, this.#bytes / this.maxBytes);
  }

  leave(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
  }
}

function inboxFull(waiting: string, option: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'INBOX_FULL',
    `${waiting} wait for the inbox already. Speed up the database, or raise "receiving.${option}".`,
  );
}
