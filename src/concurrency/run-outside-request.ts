import { AsyncResource } from 'node:async_hooks';

const NAME = 'cr3dentials-webhook';

/** Context made while this file is loaded, which is before any request. It is only copied, and no work runs in it. */
const clean = new AsyncResource(NAME);

/**
 * Runs work in an async context of its own that belongs to no request. Background work would otherwise inherit the
 * `AsyncLocalStorage` stores of the request that woke it up: another tenant, another trace, another transaction. Stores
 * that the work sets with `enterWith()` end with it.
 */
export function runOutsideRequest<T>(work: () => T): T {
  const resource = clean.runInAsyncScope(() => new AsyncResource(NAME));
  return resource.runInAsyncScope(work);
}
