import type { INestApplication } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { DeliveryDetails } from '../operations/delivery.view.js';
import type { RejectionSummary } from '../operations/rejection.view.js';
import type { Verdict } from '../inbox/verdict.js';
import { AppUnderTest } from './app-under-test.js';
import { Cr3dentialsSimulator } from './cr3dentials.simulator.js';
import { contentOf, sessionIdOf, type PayloadContent } from './payload-content.js';
import type { SimulatorOptions } from './simulator.options.js';
import { isFinished, finishTimeout } from './finished.js';

/** Interval between two queries of the inbox while the tester waits. */
const POLL_INTERVAL_MS = 10;

/**
 * Options of `webhookTester()`.
 *
 * @publicApi
 */
export interface WebhookTesterOptions {
  /** Secret that the app accepts. Leave it out with `auth: 'none'`. */
  secret?: string;
  /** Name of the header that carries the secret. @default the header in the options of the app's module */
  header?: string;
  /** Path of the route, with the app's global prefix. @default the path in the options of the app's module */
  path?: string;
  /** Tenant of the deliveries, when `resolveSecrets` returns tenants. @default no tenant */
  tenant?: string;
  /**
   * Milliseconds to wait for a delivery to finish. Keep it below Jest's timeout of 5 s, whose error has no reason.
   * @default 4000
   */
  timeout?: number;
}

/**
 * Result of a delivery. The first seven are answered 200.
 *
 * - `accepted`: it is recorded, and its handlers run.
 * - `duplicate`: its session was recorded before, with the same content.
 * - `conflict`: its session was recorded before, with other content. It is kept as a rejection.
 * - `unknown-status`, `unexpected-data`: it is kept as a rejection with this reason.
 * - `stale`: it completed longer ago than `retention.deliveries`, and is kept as a rejection.
 * - `erased`: its session was erased. It is answered 200, and nothing is kept.
 * - `invalid`: it breaks the contract, or its body could not be parsed.
 * - `unauthorized`: its header is missing, wrong or repeated.
 * - `unavailable`: it is not recorded. The provider would send it again.
 *
 * @publicApi
 */
export type WebhookVerdict = Verdict | 'unauthorized';

/**
 * Result of one POST, with the recorded delivery.
 *
 * @publicApi
 */
export interface WebhookOutcome {
  /** Result of the delivery. */
  readonly verdict: WebhookVerdict;
  /** Status code of the HTTP answer. */
  readonly status: number;
  /** The recorded delivery of the session, or null. After a conflict, it has the content that was recorded first. */
  readonly delivery: DeliveryDetails | null;
  /**
   * The rejection that the POST was kept as, or null. Its `detail` says why: the broken constraints by field, for
   * example.
   */
  readonly rejection: RejectionSummary | null;
}

/**
 * Delivers webhooks to your app in your tests, and waits for the result without a sleep. If the app does not listen
 * yet, the first delivery makes it listen on a free port. Close the app at the end of the test.
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
  /** Ids of deliveries whose verdict was `accepted`. Of two that are sent at once, the second is a duplicate. */
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
   * Posts a payload once, without retries. With `until: 'finished'`, resolves when every handler has completed or is
   * dead.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the answer is not one of the module; `INBOX_TIMEOUT` when
   *   the delivery does not finish in time
   */
  async deliver(payload: object | string, { until }: { until?: 'finished' } = {}): Promise<WebhookOutcome> {
    const simulator = await this.simulator({ retries: 0 });
    const content = contentOf(payload, this.#app.dataValidator);
    const before = content ? await this.#find(content.sessionId) : null;
    const [attempt] = (await simulator.deliver(payload)).attempts;
    const status = attempt?.statusCode ?? 0;
    if (status !== 200) {
      const refused = this.#verdictOfStatus(status, attempt?.error);
      return { verdict: refused, status, delivery: null, rejection: await this.#rejection(refused, payload) };
    }
    if (!content) throw this.#unexpected('200 to an invalid payload');
    const delivery = await this.#find(content.sessionId);
    const stale = delivery || content.rejection ? null : await this.#rejection('stale', payload);
    if (stale) return { verdict: 'stale', status, delivery, rejection: stale };
    const verdict = this.#verdict(content, before, delivery);
    const rejection = await this.#rejection(verdict, payload);
    const isAwaited = until === 'finished' && delivery;
    return { verdict, status, delivery: isAwaited ? await this.finished(content.sessionId) : delivery, rejection };
  }

  /**
   * Resolves when every handler of a session has completed or is dead.
   *
   * @throws Cr3dentialsWebhookError `INBOX_TIMEOUT` when that takes longer than `timeout`
   */
  async finished(session: string | { sessionId: string }): Promise<DeliveryDetails> {
    const sessionId = typeof session === 'string' ? session : session.sessionId;
    const deadline = performance.now() + this.#timeout;
    for (;;) {
      const delivery = await this.#find(sessionId);
      if (delivery && isFinished(delivery)) return delivery;
      if (performance.now() >= deadline) throw finishTimeout(sessionId, delivery, this.#timeout);
      await sleep(POLL_INTERVAL_MS);
    }
  }

  /** Returns a simulator of the provider that sends to this app, with retries and misbehaviour. */
  async simulator(options: Partial<SimulatorOptions> = {}): Promise<Cr3dentialsSimulator> {
    const url = (await this.#app.url()) + this.#path;
    return new Cr3dentialsSimulator({ url, header: this.#header, secret: this.#secret, ...options });
  }

  #find(sessionId: string): Promise<DeliveryDetails | null> {
    return this.#app.inbox.find({ sessionId, tenant: this.#tenant });
  }

  /** Finds what the POST was kept as: the newest rejection of its session for this reason. */
  async #rejection(verdict: WebhookVerdict, payload: object | string): Promise<RejectionSummary | null> {
    if (!isReason(verdict)) return null;
    const sessionId = sessionIdOf(payload);
    let newest: RejectionSummary | null = null;
    for await (const rejection of this.#app.inbox.rejections.each({ reason: verdict })) {
      if (rejection.sessionId !== sessionId || rejection.tenant !== this.#tenant) continue;
      if (!newest || rejection.lastReceivedAt > newest.lastReceivedAt) newest = rejection;
    }
    return newest;
  }

  #verdict(content: PayloadContent, before: DeliveryDetails | null, now: DeliveryDetails | null): WebhookVerdict {
    if (content.rejection) return content.rejection;
    if (!now) throw this.#unexpected('200 and recorded nothing');
    const recorded = now.rawBody === null ? undefined : contentOf(now.rawBody, this.#app.dataValidator);
    if (content.fingerprint !== recorded?.fingerprint) return 'conflict';
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
      `POST ${this.#path} answered ${answer}, which the module never does. Pass the route as "path", with the app's global prefix, and the "tenant" if there are tenants. Check that nothing else in the app answers first.`,
    );
  }
}

function isReason(verdict: WebhookVerdict): verdict is WebhookVerdict & RejectionSummary['reason'] {
  return ['invalid', 'unknown-status', 'unexpected-data', 'conflict', 'stale'].includes(verdict);
}

/**
 * Returns a tester for your app: `const webhook = webhookTester(app, { secret })`.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the app does not import the module, or when no `path` is given
 *   and the app has several routes or a route with parameters
 * @publicApi
 */
export function webhookTester(app: INestApplication, options?: WebhookTesterOptions): WebhookTester {
  return new WebhookTester(app, options);
}
