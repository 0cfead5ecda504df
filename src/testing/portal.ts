import { withTimeout } from '../concurrency/with-timeout.js';
import { toSingleLine } from '../instrumentation/single-line.js';
import type { SimulatorSettings } from './simulator.options.js';

/**
 * One attempt in the portal's log.
 *
 * @publicApi
 */
export interface PortalAttempt {
  /** Time of sending, in epoch milliseconds. */
  readonly at: number;
  /** Status code of the answer; null when no answer came. */
  readonly statusCode: number | null;
  /** Reason why no answer came, such as `ECONNREFUSED`; null when an answer came. */
  readonly error: string | null;
  /** Milliseconds until the answer was complete, or until the attempt failed. */
  readonly duration: number;
}

/**
 * Log of one delivery.
 *
 * @publicApi
 */
export interface PortalDelivery {
  /** True when an attempt was answered with 2xx; false when the delivery was given up. */
  readonly delivered: boolean;
  /** Every attempt, oldest first. */
  readonly attempts: readonly PortalAttempt[];
}

/** One POST to send. */
export interface PortalRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** Aborts after the response timeout. */
  readonly signal: AbortSignal;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
}

/** Sends a POST. Resolves to the status code when the answer is complete. */
export type Send = (request: PortalRequest) => Promise<number>;

/** Applies the rules of the provider: one POST per attempt, success on 2xx, retries with exponential backoff. */
export class Portal {
  readonly #headers: Record<string, string>;

  constructor(readonly settings: SimulatorSettings) {
    const { header, secret } = settings;
    this.#headers = { 'content-type': 'application/json', ...(secret !== undefined && { [header]: secret }) };
  }

  /**
   * Sends a payload until it is delivered or given up.
   *
   * @param payload object to serialise, or text to send byte for byte
   */
  async deliver(
    payload: object | string,
    { send = this.fetch, url = this.settings.url } = {},
  ): Promise<PortalDelivery> {
    const { retries, initialDelay, factor, clock } = this.settings;
    const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const attempts: PortalAttempt[] = [];
    for (;;) {
      const attempt = await this.#attempt(url, body, attempts.length + 1, send);
      attempts.push(attempt);
      if (isSuccess(attempt)) return { delivered: true, attempts };
      if (attempts.length > retries) return { delivered: false, attempts };
      await clock.sleep(initialDelay * factor ** (attempts.length - 1));
    }
  }

  readonly fetch: Send = async ({ url, headers, body, signal }) => {
    const { fetch } = this.settings;
    const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    await answer.arrayBuffer(); // an answer counts only when its body is complete
    return answer.status;
  };

  async #attempt(url: string, body: string, attempt: number, send: Send): Promise<PortalAttempt> {
    const { timeout, clock } = this.settings;
    const deadline = new AbortController();
    const makeError = () => {
      deadline.abort();
      return new Error(`no answer within ${timeout} ms`);
    };
    const sent = clock.now();
    const logged = (statusCode: number | null, error: string | null): PortalAttempt => ({
      at: Math.round(sent),
      statusCode,
      error,
      duration: clock.now() - sent,
    });
    try {
      const request = { url, headers: { ...this.#headers }, body, signal: deadline.signal, attempt };
      return logged(await withTimeout(send(request), timeout, makeError), null);
    } catch (error) {
      return logged(null, causeOf(error));
    }
  }
}

function isSuccess({ statusCode }: PortalAttempt): boolean {
  return statusCode !== null && statusCode >= 200 && statusCode < 300;
}

/** Returns the code or message of the innermost error. `fetch` hides it as the cause of "fetch failed". */
function causeOf(error: unknown): string {
  const { code, cause, message } = Object(error) as { code?: unknown; cause?: unknown; message?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? toSingleLine(message ?? error) : causeOf(cause);
}
