import { Cr3dentialsMisbehaviour } from './cr3dentials.misbehaviour.js';
import { Portal, type PortalDelivery } from './portal.js';
import { simulatorSettings, type SimulatorOptions } from './simulator.options.js';

/** The provider's documented sample, byte for byte. */
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
 * Simulates the provider. It sends one POST per delivery, with the custom header. A 2xx within the response timeout is a
 * success. Any other answer, a redirect too, is retried with exponential backoff. After the last retry, the delivery is
 * given up. A failure of the endpoint is no exception: it is in the returned log.
 *
 * @publicApi
 */
export class Cr3dentialsSimulator {
  readonly #portal: Portal;
  /** Deliveries that a provider may send, and deliveries that it should not send. */
  readonly misbehave: Cr3dentialsMisbehaviour;

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  constructor(options: SimulatorOptions) {
    this.#portal = new Portal(simulatorSettings(options));
    this.misbehave = new Cr3dentialsMisbehaviour(this.#portal);
  }

  /**
   * Sends a payload, with retries. Returns the log that the portal would show.
   *
   * @param payload a payload of `verificationPayload()`; text is sent byte for byte
   */
  deliver(payload: object | string): Promise<PortalDelivery> {
    return this.#portal.deliver(payload);
  }

  /** Sends the documented sample, as the portal's Test action does. Its `sessionId` is always the same. */
  test(): Promise<PortalDelivery> {
    return this.#portal.deliver(sample);
  }
}
