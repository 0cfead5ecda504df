import type { INestApplication } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { DeliveryDetails } from '../operations/delivery.view.js';
import type { Verdict } from '../inbox/verdict.js';
import { AppUnderTest } from './app-under-test.js';
import { Cr3dentialsSimulator } from './cr3dentials.simulator.js';
import { contentOf, type PayloadContent } from './payload-content.js';
import type { SimulatorOptions } from './simulator.options.js';
import { isSettled, settleTimeout } from './unsettled.js';

/** How often the inbox is asked while an outcome is awaited. */
const POLL_INTERVAL_MS = 10;

/** @publicApi */
export interface WebhookTesterOptions {
  /** A secret the app accepts. Left out with `auth: 'none'`. */
  secret?: string;
  /** @default the header in the options of the app's module */
  header?: string;
  /** The route as it is reached, with the app's global prefix. @default the path in the options of the app's module */
  path?: string;
  /** Whose deliveries these are, where `resolveSecrets` names tenants. @default no tenant */
  tenant?: string;
  /** Milliseconds until settling is given up; below Jest's own 5 s, so that it is this that says why. @default 4000 */
  timeout?: number;
}

/**
 * What a delivery came to, which the HTTP answer does not tell: the first five are all answered 200.
 *
 * `accepted`: recorded, and dispatched. `duplicate`: recorded before. `conflict`: other content was recorded before, so
 * this is a rejection. `unknown-status`, `unexpected-data`: rejections too. `invalid`: against the contract, or nothing that a platform
 * could read. `unauthorized`: the header was not accepted. `unavailable`: not recorded, to be sent again.
 *
 * @publicApi
 */
export type WebhookVerdict = Verdict | 'unauthorized';

/** @publicApi */
export interface WebhookOutcome {
  readonly verdict: WebhookVerdict;
  /** Of the HTTP answer. */
  readonly status: number;
  /** What is recorded for the session, or null. With a conflict it is the first content, which stands. */
  readonly delivery: DeliveryDetails | null;
}

/**
 * Delivers to a host's own app in its own tests, and awaits what comes of it without sleeping. The app need not listen
 * yet: the first delivery makes it, on a free port. Closing it is the test's.
 *
 * @publicApi
 */
export class WebhookTester {
  readonly #app: AppUnderTest;
  readonly #header: string;
  readonly #path: string;
  readonly #secret: string | undefined;
  readonly #tenant: string;
  readonly #timeout: number;
  /** Deliveries whose acceptance has been told: of two that are sent at once, one is the duplicate. */
  readonly #accepted = new Set<string>();

  constructor(app: INestApplication, options: WebhookTesterOptions = {}) {
    this.#app = new AppUnderTest(app);
    this.#header = options.header ?? this.#app.header;
    this.#path = `/${(options.path ?? this.#app.path).replace(/^\/+/, '')}`;
    this.#secret = options.secret;
    this.#tenant = options.tenant ?? '';
    this.#timeout = options.timeout ?? 4_000;
  }

  /**
   * Posts a payload once, without retries. With `until: 'settled'`, resolves when every handler is done or dead.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when something else than the module answers; `INBOX_TIMEOUT` when
   *   it does not settle in time, saying what it is waiting for
   */
  async deliver(payload: object | string, { until }: { until?: 'settled' } = {}): Promise<WebhookOutcome> {
    const portal = await this.portal({ retries: 0 });
    const content = contentOf(payload, this.#app.dataValidator);
    const before = content ? await this.#find(content.sessionId) : null;
    const [attempt] = (await portal.deliver(payload)).attempts;
    const status = attempt?.statusCode ?? 0;
    if (status !== 200) return { verdict: this.#verdictOfStatus(status, attempt?.error), status, delivery: null };
    if (!content) throw this.#unexpected('200 to what the module cannot accept');
    const delivery = await this.#find(content.sessionId);
    const verdict = this.#verdict(content, before, delivery);
    if (until !== 'settled' || !delivery) return { verdict, status, delivery };
    return { verdict, status, delivery: await this.settled(content.sessionId) };
  }

  /**
   * Resolves when every handler of a session is done or dead.
   *
   * @throws Cr3dentialsWebhookError `INBOX_TIMEOUT`, saying what it is waiting for
   */
  async settled(session: string | { sessionId: string }): Promise<DeliveryDetails> {
    const sessionId = typeof session === 'string' ? session : session.sessionId;
    const deadline = performance.now() + this.#timeout;
    for (;;) {
      const delivery = await this.#find(sessionId);
      if (delivery && isSettled(delivery)) return delivery;
      if (performance.now() >= deadline) throw settleTimeout(sessionId, delivery, this.#timeout);
      await sleep(POLL_INTERVAL_MS);
    }
  }

  /** The provider aimed at this app, for deliveries with retries and for all of its misbehaviour. */
  async portal(options: Partial<SimulatorOptions> = {}): Promise<Cr3dentialsSimulator> {
    const url = (await this.#app.url()) + this.#path;
    return new Cr3dentialsSimulator({ url, header: this.#header, secret: this.#secret, ...options });
  }

  #find(sessionId: string): Promise<DeliveryDetails | null> {
    return this.#app.inbox.find({ sessionId, tenant: this.#tenant });
  }

  #verdict(content: PayloadContent, before: DeliveryDetails | null, now: DeliveryDetails | null): WebhookVerdict {
    if (content.rejection) return content.rejection;
    if (!now) throw this.#unexpected('200 and recorded nothing');
    if (content.fingerprint !== contentOf(now.rawBody, this.#app.dataValidator)?.fingerprint) return 'conflict';
    if (before || this.#accepted.has(now.id)) return 'duplicate';
    this.#accepted.add(now.id);
    return 'accepted';
  }

  #verdictOfStatus(status: number, error: string | null | undefined): WebhookVerdict {
    switch (status) {
      case 400:
      case 413:
      case 415:
        return 'invalid';
      case 401:
        return 'unauthorized';
      case 503:
        return 'unavailable';
      default:
        throw this.#unexpected(String(status || error));
    }
  }

  #unexpected(answer: string): Cr3dentialsWebhookError {
    return new Cr3dentialsWebhookError(
      'OPTIONS_INVALID',
      `POST ${this.#path} answered ${answer}, as the module never does. Pass its route as "path", with the app's global prefix, and "tenant" where there are tenants; and see that nothing else in the app answers first.`,
    );
  }
}

/**
 * For a host's own tests: `const webhook = webhookTester(app, { secret })`.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the app does not import the module, or has several routes, or
 *   one with parameters, and no `path` is given
 * @publicApi
 */
export function webhookTester(app: INestApplication, options?: WebhookTesterOptions): WebhookTester {
  return new WebhookTester(app, options);
}
