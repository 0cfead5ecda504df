import { Cr3dentialsMisbehaviour } from './cr3dentials.misbehaviour.js';
import { Portal, type PortalDelivery } from './portal.js';
import { simulatorSettings, type SimulatorOptions } from './simulator.options.js';
import { SAMPLE_SESSION_ID } from '../contract/documented-sample.js';

/** The provider's documented sample, byte for byte. */
const sample = {
  sessionId: SAMPLE_SESSION_ID,
  status: 'COMPLETED',
  platformId: 1,
  externalReferenceId: 'user_abc123',
  extractedData: { accountHolder: 'John Doe', accountType: 'checking' },
  proofHash: '9f2c…',
  completedAt: '2025-03-24T12:05:00.000Z',
  metadata: {},
};

/**
 * Simulates the provider. It sends one POST per attempt, with the custom header. An answer of 2xx within the timeout is
 * a success. Any other answer, including a redirect, is retried with exponential backoff. The delivery is given up
 * after the last retry. The methods do not throw when the endpoint fails: the returned log has the failure.
 *
 * @publicApi
 */
export class Cr3dentialsSimulator {
  readonly #portal: Portal;
  /** Sends what a provider may send, and what it should not send. */
  readonly misbehave: Cr3dentialsMisbehaviour;

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option is invalid */
  constructor(options: SimulatorOptions) {
    this.#portal = new Portal(simulatorSettings(options));
    this.misbehave = new Cr3dentialsMisbehaviour(this.#portal);
  }

  /**
   * Sends a payload, with retries. Resolves to the log that the portal would show.
   *
   * @param payload object to serialise, such as one of `verificationPayload()`, or text to send byte for byte
   */
  deliver(payload: object | string): Promise<PortalDelivery> {
    return this.#portal.deliver(payload);
  }

  /** Sends the provider's documented sample, as the portal's Test action does. Its `sessionId` is always the same. */
  test(): Promise<PortalDelivery> {
    return this.#portal.deliver(sample);
  }
}
