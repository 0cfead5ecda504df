import { Cr3dentialsMisbehaviour } from './cr3dentials.misbehaviour.js';
import { Portal, type PortalDelivery } from './portal.js';
import { simulatorSettings, type SimulatorOptions } from './simulator.options.js';

/** As the provider documents it, byte for byte. */
const sample = {
  sessionId: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
  status: 'COMPLETED',
  platformId: 1,
  externalReferenceId: 'user_abc123',
  extractedData: { accountHolder: 'John Doe', accountType: 'checking' },
  proofHash: '9f2c…',
  completedAt: '2025-03-24T12:05:00.000Z',
  metadata: {},
};

/**
 * The provider, as a partner's endpoint sees it: one POST per delivery with the custom header, success is any 2xx within
 * the response timeout, anything else (a redirect too) is tried again with exponential backoff, and after the last retry
 * it gives up. Never throws for what an endpoint does: that is in the log it returns.
 *
 * @publicApi
 */
export class Cr3dentialsSimulator {
  readonly #portal: Portal;
  /** What it may do, and what it should not, each by name. */
  readonly misbehave: Cr3dentialsMisbehaviour;

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  constructor(options: SimulatorOptions) {
    this.#portal = new Portal(simulatorSettings(options));
    this.misbehave = new Cr3dentialsMisbehaviour(this.#portal);
  }

  /**
   * Sends a payload until it is delivered or given up, and returns the log that the portal would show.
   *
   * @param payload made with `verificationPayload()`; text is sent as it is, byte for byte
   */
  deliver(payload: object | string): Promise<PortalDelivery> {
    return this.#portal.deliver(payload);
  }

  /** The portal's Test action: sends the documented sample, whose `sessionId` is always the same. */
  test(): Promise<PortalDelivery> {
    return this.#portal.deliver(sample);
  }
}
