import { sql, type Sql } from '../database/sql.js';

/** A lease that ends later than so many leases was given before the clock of the database was set back. */
const MAX_LEASES = 10;

/**
 * Returns the condition that a lease has expired. One that was given before the clock of the database was set back
 * would last until it comes there again.
 *
 * @param leaseMs duration of the leases, in milliseconds
 */
export function isExpired(now: number, leaseMs: number): Sql {
  return sql`(lease_expires_at < ${now} OR lease_expires_at > ${now + MAX_LEASES * leaseMs})`;
}
