import { withTimeout } from '../concurrency/with-timeout.js';
import { toSingleLine } from '../instrumentation/single-line.js';
import type { SimulatorSettings } from './simulator.options.js';

/**
 * One attempt, as the portal's log shows it.
 *
 * @publicApi
 */
export interface PortalAttempt {
  /** When it was sent, in epoch milliseconds. */
  readonly at: number;
  /** Null when no answer came. */
  readonly statusCode: number | null;
  /** Why no answer came, such as `ECONNREFUSED`; null when one did, whatever its status. */
  readonly error: string | null;
  /** Milliseconds until the answer was complete, or given up. */
  readonly duration: number;
}

/**
 * What became of one delivery.
 *
 * @publicApi
 */
export interface PortalDelivery {
  /** Whether an attempt was answered with a 2xx. When it was not, the provider has given up. */
  readonly delivered: boolean;
  readonly attempts: readonly PortalAttempt[];
}

/** One POST that is to be sent: as the portal does it, or otherwise. */
export interface PortalRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** Aborted once the response timeout has passed. */
  readonly signal: AbortSignal;
  /** Counted from 1. */
  readonly attempt: number;
}

/** Answers the status, once the answer is complete. */
export type Send = (request: PortalRequest) => Promise<number>;

/** The rules of the provider: what it sends, when that has succeeded, and when it is sent again. */
export class Portal {
  readonly #headers: Record<string, string>;

  constructor(readonly settings: SimulatorSettings) {
    const { header, secret } = settings;
    this.#headers = { 'content-type': 'application/json', ...(secret !== undefined && { [header]: secret }) };
  }

  /** @param payload text is sent as it is */
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
    await answer.arrayBuffer(); // an answer that does not end has not come, and keeps the connection
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

/** `fetch` hides what went wrong behind "fetch failed". */
function causeOf(error: unknown): string {
  const { code, cause, message } = Object(error) as { code?: unknown; cause?: unknown; message?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? toSingleLine(message ?? error) : causeOf(cause);
}
