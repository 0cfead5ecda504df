import { AsyncResource } from 'node:async_hooks';

const NAME = 'cr3dentials-webhook';

/** Made while this file is loaded, which is before any request. It is only ever copied: nothing runs in it. */
const clean = new AsyncResource(NAME);

/**
 * Runs work in an async context of its own that belongs to no request. Without it, background work inherits the
 * `AsyncLocalStorage` stores of the request that happened to wake it up: another tenant, another trace, another
 * transaction. What the work itself puts into its context (`enterWith()`) ends with it.
 */
export function runOutsideRequest<T>(work: () => T): T {
  const own = clean.runInAsyncScope(() => new AsyncResource(NAME));
  return own.runInAsyncScope(work);
}
