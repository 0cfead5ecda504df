import type { VerificationPayload } from '../contract/verification.payload.js';
import { httpPost } from './http-post.js';
import type { Portal, PortalDelivery, Send } from './portal.js';
import { assertEndpoint } from './simulator.options.js';
import { verificationPayload } from './verification-payload.js';

/**
 * What the provider may do, and what it should not, each by name. Whatever fails is retried, as the portal would.
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
   * Sends to the portal's webhook and to the session's own `webhookUrl` at the same moment, as happens where both are
   * configured.
   *
   * @param webhookUrl the session's; the portal's endpoint again unless it is given
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when it is no address that can be posted to
   */
  async bothChannels(
    payload: object | string,
    webhookUrl: string = this.#portal.settings.url,
  ): Promise<{ portal: PortalDelivery; session: PortalDelivery }> {
    assertEndpoint(webhookUrl);
    const [portal, session] = await Promise.all([
      this.#portal.deliver(payload),
      this.#portal.deliver(payload, { url: webhookUrl }),
    ]);
    return { portal, session };
  }

  /**
   * Sends a session, and once that has been answered, other content for the same session.
   *
   * @param changes what is different the second time; unless it is given, the status and all that goes with it
   */
  async conflictingDelivery(
    payload: VerificationPayload,
    changes: object = otherOutcome(payload),
  ): Promise<{ first: PortalDelivery; second: PortalDelivery }> {
    const first = await this.#portal.deliver(payload);
    const second = await this.#portal.deliver({ ...payload, ...changes });
    return { first, second };
  }

  /** Sends a status that the contract does not name. */
  unknownStatus(payload: object, status = 'SUSPENDED'): Promise<PortalDelivery> {
    return this.#portal.deliver({ ...payload, status });
  }

  /** Leaves fields out: the ones that may never be null, unless others are named. */
  missingFields(payload: object, fields: readonly string[] = ['status', 'platformId']): Promise<PortalDelivery> {
    const kept = Object.entries(payload).filter(([field]) => !fields.includes(field));
    return this.#portal.deliver(Object.fromEntries(kept));
  }

  /** Adds fields that the contract does not name. */
  extraFields(
    payload: object,
    fields: object = { riskScore: 0.12, reviewer: { team: 'manual' } },
  ): Promise<PortalDelivery> {
    return this.#portal.deliver({ ...payload, ...fields });
  }

  /** @param value sent in place of the secret; with null the header is left out */
  wrongHeader(payload: object | string, value: string | null = 'not-the-secret'): Promise<PortalDelivery> {
    const { header } = this.#portal.settings;
    return this.#deliver(payload, ({ headers: { [header]: _secret, ...headers }, ...request }) =>
      this.#portal.fetch({ ...request, headers: value === null ? headers : { ...headers, [header]: value } }),
    );
  }

  /** Sends the header with the right secret more than once, on lines of its own. */
  repeatedHeader(payload: object | string, times = 2): Promise<PortalDelivery> {
    const { header, secret = '' } = this.#portal.settings;
    const repeated = { [header]: Array.from({ length: times }, () => secret) };
    return this.#deliver(payload, ({ headers, ...request }) =>
      httpPost({ ...request, headers: { ...headers, ...repeated } }),
    );
  }

  /** Sends the body piece by piece, with a pause (in milliseconds, on the simulator's clock) after each. */
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

  /** Closes the connection when the answer comes, before it is read: the provider cannot know, and sends again. */
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
