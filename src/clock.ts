/**
 * Source of the time for every rule. The default follows the database's clock: a host whose own clock is wrong then
 * neither rescues a lease too early nor loses its own.
 *
 * @publicApi
 */
export abstract class Clock {
  /** Returns epoch milliseconds. */
  abstract now(): number;
}
