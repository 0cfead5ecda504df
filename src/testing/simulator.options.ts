import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_TIMER_MS } from '../concurrency/with-timeout.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { DEFAULT_HEADER, isHeaderName, isHeaderValue } from '../http/webhook-header.js';

/**
 * Part of `fetch` that the simulator uses. The global `fetch` fits.
 *
 * @publicApi
 */
export type Fetch = (
  url: string,
  request: {
    readonly method: 'POST';
    readonly headers: Record<string, string>;
    readonly body: string;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<{
  /** The HTTP status code. */
  readonly status: number;
  /** Reads the body to its end. */
  arrayBuffer(): Promise<unknown>;
}>;

/**
 * Clock of the simulator, and its delay before a retry. The timeout of an answer always takes real time.
 *
 * @publicApi
 */
export interface SimulatorClock {
  /** Returns the time in epoch milliseconds. */
  now(): number;
  /** Resolves after the delay. */
  sleep(milliseconds: number): Promise<unknown>;
}

/**
 * Settings of the portal, and parts that a test may replace. All durations are milliseconds.
 *
 * @publicApi
 */
export interface SimulatorOptions {
  /** URL of the endpoint. The provider requires HTTPS; the simulator accepts HTTP too. */
  url: string;
  /** Name of the custom header. @default 'X-API-Key' */
  header?: string;
  /** Value of the custom header. @default no header is sent */
  secret?: string;
  /** Timeout of an answer. @default 30000 */
  timeout?: number;
  /** Number of retries of a failed delivery. @default 3 */
  retries?: number;
  /**
   * Delay before the first retry. The default is a guess, because the contract says only "exponential backoff".
   * @default 1000
   */
  initialDelay?: number;
  /** Factor between one delay and the next. The default is a guess. @default 2 */
  factor?: number;
  /** Replaces the HTTP client. @default the global `fetch` */
  fetch?: Fetch;
  /** Replaces the clock, so that backoff takes no time. @default the machine's clock */
  clock?: SimulatorClock;
}

/** Options with every default filled in. */
export interface SimulatorSettings {
  readonly url: string;
  readonly header: string;
  readonly secret: string | undefined;
  readonly timeout: number;
  readonly retries: number;
  readonly initialDelay: number;
  readonly factor: number;
  readonly fetch: Fetch;
  readonly clock: SimulatorClock;
}

const machineClock: SimulatorClock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: (milliseconds) => sleep(milliseconds),
};

/**
 * Checks the options and fills in the defaults.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`. The message quotes neither the secret nor the URL.
 */
export function simulatorSettings(options: SimulatorOptions): SimulatorSettings {
  const {
    url,
    header = DEFAULT_HEADER,
    secret,
    timeout = 30_000,
    retries = 3,
    initialDelay = 1_000,
    factor = 2,
  } = options;
  assertEndpoint(url);
  assertOption(isHeaderName(header), 'The header must be the name of a header without its value, such as X-API-Key.');
  assertOption(
    secret === undefined || isHeaderValue(secret),
    'The secret must be printable ASCII, not empty, and without spaces at its start or end.',
  );
  assertOption(
    timeout >= 1 && timeout <= MAX_TIMER_MS,
    'The timeout must be in milliseconds, from 1 to 2147483647 (24 days).',
  );
  assertOption(Number.isInteger(retries) && retries >= 0, 'The retries must be a whole number, 0 or more.');
  assertOption(initialDelay >= 0, 'The initialDelay must be in milliseconds, 0 or more.');
  assertOption(factor >= 1, 'The factor must be a number, 1 or more.');
  const { fetch = globalThis.fetch, clock = machineClock } = options;
  return { url, header, secret, timeout, retries, initialDelay, factor, fetch, clock };
}

/**
 * Checks that a URL can be posted to.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when it is not http or https, or has a user name or password
 */
export function assertEndpoint(url: string): void {
  assertOption(isEndpoint(url), 'The url must start with http:// or https://, and have no user name or password.');
}

function isEndpoint(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, username, password } = new URL(url);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}

function assertOption(isMet: boolean, remedy: string): void {
  if (!isMet) throw new Cr3dentialsWebhookError('OPTIONS_INVALID', remedy);
}
