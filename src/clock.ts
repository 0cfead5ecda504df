/**
 * Where every rule gets the time from. The default follows the database's clock, so that a host with a wrong clock
 * neither steals nor loses a lease.
 *
 * @publicApi
 */
export abstract class Clock {
  /** Epoch milliseconds. */
  abstract now(): number;
}
