import { setTimeout as sleep } from 'node:timers/promises';
import { Cr3dentialsSimulator, verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import { registerCleanup } from '../chaos/cleanup.js';

export const SECRET = 'a-secret-of-more-than-16-characters';

export function simulatorFor(url: string, secret = SECRET): Cr3dentialsSimulator {
  return new Cr3dentialsSimulator({ url, secret, retries: 0 });
}

/** Sends a delivery now and then, to wherever the portal's URL leads, whatever is answered. */
export class Sender {
  #isOver = false;

  constructor(
    public url: string,
    private readonly everyMs: number,
  ) {
    registerCleanup(async () => this.stop());
    void this.#send();
  }

  stop(): void {
    this.#isOver = true;
  }

  async #send(): Promise<void> {
    while (!this.#isOver) {
      const status = Math.random() < 0.5 ? 'COMPLETED' : 'CANCELLED';
      void simulatorFor(this.url).deliver(verificationPayload({ status }));
      await sleep(this.everyMs);
    }
  }
}
