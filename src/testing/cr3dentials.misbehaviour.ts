import type { VerificationPayload } from '../contract/verification.payload.js';
import { httpPost } from './http-post.js';
import type { Portal, PortalDelivery, Send } from './portal.js';
import { assertEndpoint } from './simulator.options.js';
import { verificationPayload } from './payload.factory.js';

/**
 * Sends what a provider may send, and what it should not send. Each case has a method. Failed deliveries are retried,
 * as the provider does.
 *
 * @publicApi
 */
export class Cr3dentialsMisbehaviour {
  readonly #portal: Portal;

  constructor(portal: Portal) {
    this.#portal = portal;
  }

  /** Sends the same payload many times at the same moment. */
  duplicateBurst(payload: object | string, times = 10): Promise<PortalDelivery[]> {
    return Promise.all(Array.from({ length: times }, () => this.#portal.deliver(payload)));
  }

  /**
   * Sends to the portal's webhook and to the session's own `webhookUrl` at the same moment. The provider does so when
   * both are configured.
   *
   * @param webhookUrl URL of the session; by default the portal's endpoint
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the URL is not http or https, or has a user name or password
   */
  async bothChannels(
    payload: object | string,
    webhookUrl: string = this.#portal.settings.url,
  ): Promise<{
    /** The delivery to the portal's webhook. */
    portal: PortalDelivery;
    /** The delivery to the session's own `webhookUrl`. */
    session: PortalDelivery;
  }> {
    assertEndpoint(webhookUrl);
    const [portal, session] = await Promise.all([
      this.#portal.deliver(payload),
      this.#portal.deliver(payload, { url: webhookUrl }),
    ]);
    return { portal, session };
  }

  /**
   * Sends a payload, waits for the answer, and sends other content for the same session.
   *
   * @param changes fields of the second delivery; by default another status and the fields that belong to it
   */
  async conflictingDelivery(
    payload: VerificationPayload,
    changes: object = otherOutcome(payload),
  ): Promise<{
    /** The delivery of the payload. */
    first: PortalDelivery;
    /** The delivery of the changed payload, which is the conflict. */
    second: PortalDelivery;
  }> {
    const first = await this.#portal.deliver(payload);
    const second = await this.#portal.deliver({ ...payload, ...changes });
    return { first, second };
  }

  /** Sends a status that the contract does not have. */
  unknownStatus(payload: object, status = 'SUSPENDED'): Promise<PortalDelivery> {
    return this.#portal.deliver({ ...payload, status });
  }

  /** Sends the payload without some fields. The default fields are required by the contract. */
  missingFields(payload: object, fields: readonly string[] = ['status', 'platformId']): Promise<PortalDelivery> {
    const kept = Object.entries(payload).filter(([field]) => !fields.includes(field));
    return this.#portal.deliver(Object.fromEntries(kept));
  }

  /** Sends the payload with fields that the contract does not have. */
  extraFields(
    payload: object,
    fields: object = { riskScore: 0.12, reviewer: { team: 'manual' } },
  ): Promise<PortalDelivery> {
    return this.#portal.deliver({ ...payload, ...fields });
  }

  /**
   * Sends another value in place of the secret.
   *
   * @param value value of the header; null sends no header
   */
  wrongHeader(payload: object | string, value: string | null = 'not-the-secret'): Promise<PortalDelivery> {
    const { header } = this.#portal.settings;
    return this.#deliver(payload, ({ headers: { [header]: _secret, ...headers }, ...request }) =>
      this.#portal.fetch({ ...request, headers: value === null ? headers : { ...headers, [header]: value } }),
    );
  }

  /** Sends the header with the right secret several times, each time on its own line. */
  repeatedHeader(payload: object | string, times = 2): Promise<PortalDelivery> {
    const { header, secret = '' } = this.#portal.settings;
    const repeated = { [header]: Array.from({ length: times }, () => secret) };
    return this.#deliver(payload, ({ headers, ...request }) =>
      httpPost({ ...request, headers: { ...headers, ...repeated } }),
    );
  }

  /** Sends the body in pieces. Waits for `pause` milliseconds of the simulator's clock after each piece. */
  slowBody(payload: object | string, { pieces = 10, pause = 100 } = {}): Promise<PortalDelivery> {
    const { clock } = this.#portal.settings;
    return this.#deliver(payload, (sent) =>
      httpPost({
        ...sent,
        async write(request, body) {
          const bytes = Buffer.from(body);
          const size = Math.ceil(bytes.length / pieces);
          for (let start = 0; start < bytes.length && !request.destroyed; start += size) {
            request.write(bytes.subarray(start, start + size));
            await clock.sleep(pause);
          }
          request.end();
        },
      }),
    );
  }

  /** Closes the connection before the answer is read. The provider then sends the delivery again. */
  droppedConnection(payload: object | string): Promise<PortalDelivery> {
    return this.#deliver(payload, (request) =>
      request.attempt === 1 ? httpPost({ ...request, hangsUp: true }) : this.#portal.fetch(request),
    );
  }

  #deliver(payload: object | string, send: Send): Promise<PortalDelivery> {
    return this.#portal.deliver(payload, { send });
  }
}

function otherOutcome({ sessionId, status, platformId }: VerificationPayload): object {
  const other = status === 'COMPLETED' ? 'ERROR' : 'COMPLETED';
  const { extractedData, proofHash, completedAt } = verificationPayload({ seed: sessionId, status: other, platformId });
  return { status: other, extractedData, proofHash, completedAt };
}
