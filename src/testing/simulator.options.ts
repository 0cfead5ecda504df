import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_TIMER_MS } from '../concurrency/with-timeout.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { DEFAULT_HEADER, isHeaderName, isHeaderValue } from '../http/webhook-header.js';

/**
 * What the simulator needs of `fetch`; the global one fits.
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
) => Promise<{ readonly status: number; arrayBuffer(): Promise<unknown> }>;

/**
 * Where the simulator gets the time from, and how it waits before a retry. The response timeout is not on it: that is
 * about a connection, which takes real time.
 *
 * @publicApi
 */
export interface SimulatorClock {
  /** Epoch milliseconds. */
  now(): number;
  sleep(milliseconds: number): Promise<unknown>;
}

/**
 * What a partner configures in the portal, and what a test replaces. All durations are milliseconds.
 *
 * @publicApi
 */
export interface SimulatorOptions {
  /** The endpoint. The provider demands HTTPS; the simulator takes HTTP too. */
  url: string;
  /** Name of the custom header. @default 'X-API-Key' */
  header?: string;
  /** Value of the custom header. @default no header is sent */
  secret?: string;
  /** How long an answer may take. @default 30000 */
  timeout?: number;
  /** How often a failed delivery is sent again. @default 3 */
  retries?: number;
  /** The delay before the first retry. The contract says only that backoff is exponential: this is our guess. @default 1000 */
  initialDelay?: number;
  /** What each delay is multiplied by for the next; our guess too. @default 2 */
  factor?: number;
  /** @default the global one */
  fetch?: Fetch;
  /** @default the machine's */
  clock?: SimulatorClock;
}

/** The options with every default filled in. */
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

/** @throws Cr3dentialsWebhookError `OPTIONS_INVALID`; neither the secret nor the address is quoted */
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
  assertOption(isHeaderName(header), "The header must be a header's name alone, such as X-API-Key.");
  assertOption(
    secret === undefined || isHeaderValue(secret),
    'The secret must be printable ASCII, not empty, and without spaces around it.',
  );
  assertOption(
    timeout >= 1 && timeout <= MAX_TIMER_MS,
    'The timeout must be a number of milliseconds from 1 to 24 days.',
  );
  assertOption(Number.isInteger(retries) && retries >= 0, 'The retries must be a whole number from 0.');
  assertOption(initialDelay >= 0, 'The delay before the first retry must be a number of milliseconds from 0.');
  assertOption(factor >= 1, 'The factor between two delays must be a number from 1.');
  const { fetch = globalThis.fetch, clock = machineClock } = options;
  return { url, header, secret, timeout, retries, initialDelay, factor, fetch, clock };
}

/** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
export function assertEndpoint(url: string): void {
  assertOption(isEndpoint(url), 'The url must be http:// or https://, without a user name or password in it.');
}

function isEndpoint(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, username, password } = new URL(url);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}

function assertOption(isMet: boolean, remedy: string): void {
  if (!isMet) throw new Cr3dentialsWebhookError('OPTIONS_INVALID', remedy);
}
