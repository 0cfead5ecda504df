import type { DataSource } from 'typeorm';
import type { DatabaseKind } from '../../test/support/database/databases.js';

/** One committed change of the owner or the state of a delivery, as the database saw it. */
export interface Change {
  readonly delivery: string;
  /** Name of the process whose connection made it. */
  readonly by: string;
  /** State before; null for an insert. */
  readonly from: string | null;
  readonly to: string;
  readonly ownerBefore: string | null;
  readonly owner: string | null;
  /** Milliseconds until the lease would have expired; null without a lease. */
  readonly leaseLeft: number | null;
}

const DELIVERY = 'cr3dentials_webhook_delivery_state';

/** Triggers depend on nothing that the module says, and record nothing that is rolled back. */
const triggers: Record<DatabaseKind, string[]> = {
  postgres: [
    `CREATE TABLE audit (seq bigserial PRIMARY KEY, delivery_id text, made_by text, state_before text, state_after text,
       owner_before text, owner_after text, lease_left bigint)`,
    `CREATE FUNCTION audit_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF TG_OP = 'INSERT' THEN
         INSERT INTO audit (delivery_id, made_by, state_after, owner_after)
         VALUES (NEW.delivery_id, current_setting('application_name'), NEW.state, NEW.claim_id);
       ELSIF OLD.state IS DISTINCT FROM NEW.state OR OLD.claim_id IS DISTINCT FROM NEW.claim_id THEN
         INSERT INTO audit (delivery_id, made_by, state_before, state_after, owner_before, owner_after, lease_left)
         VALUES (NEW.delivery_id, current_setting('application_name'), OLD.state, NEW.state, OLD.claim_id, NEW.claim_id,
                 OLD.lease_expires_at - (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
       END IF;
       RETURN NULL;
     END $$`,
    `CREATE TRIGGER audit_delivery AFTER INSERT OR UPDATE ON ${DELIVERY} FOR EACH ROW EXECUTE FUNCTION audit_delivery()`,
  ],
  mariadb: [
    `CREATE TABLE audit (seq bigint AUTO_INCREMENT PRIMARY KEY, delivery_id varchar(36), made_by varchar(64),
       state_before varchar(16), state_after varchar(16), owner_before varchar(64), owner_after varchar(64), lease_left bigint)`,
    `CREATE TRIGGER audit_insert AFTER INSERT ON ${DELIVERY} FOR EACH ROW
       INSERT INTO audit (delivery_id, made_by, state_after, owner_after)
       VALUES (NEW.delivery_id, @host_name, NEW.state, NEW.claim_id)`,
    `CREATE TRIGGER audit_update AFTER UPDATE ON ${DELIVERY} FOR EACH ROW
       IF NOT (OLD.state <=> NEW.state AND OLD.claim_id <=> NEW.claim_id) THEN
         INSERT INTO audit (delivery_id, made_by, state_before, state_after, owner_before, owner_after, lease_left)
         VALUES (NEW.delivery_id, @host_name, OLD.state, NEW.state, OLD.claim_id, NEW.claim_id,
                 OLD.lease_expires_at - TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000);
       END IF`,
  ],
  sqlite: [
    `CREATE TABLE audit (seq integer PRIMARY KEY AUTOINCREMENT, delivery_id text, made_by text, state_before text,
       state_after text, owner_before text, owner_after text, lease_left integer)`,
    `CREATE TRIGGER audit_insert AFTER INSERT ON ${DELIVERY} BEGIN
       INSERT INTO audit (delivery_id, made_by, state_after, owner_after)
       VALUES (NEW.delivery_id, host_name(), NEW.state, NEW.claim_id);
     END`,
    `CREATE TRIGGER audit_update AFTER UPDATE ON ${DELIVERY}
     WHEN OLD.state IS NOT NEW.state OR OLD.claim_id IS NOT NEW.claim_id BEGIN
       INSERT INTO audit (delivery_id, made_by, state_before, state_after, owner_before, owner_after, lease_left)
       VALUES (NEW.delivery_id, host_name(), OLD.state, NEW.state, OLD.claim_id, NEW.claim_id,
               OLD.lease_expires_at - CAST((julianday('now') - 2440587.5) * 86400000 AS integer));
     END`,
  ],
};

export async function installAudit(kind: DatabaseKind, connection: DataSource): Promise<void> {
  for (const statement of triggers[kind]) await connection.query(statement);
}

export async function readAudit(connection: DataSource): Promise<Change[]> {
  const rows = await connection.query<Record<string, unknown>[]>('SELECT * FROM audit ORDER BY seq');
  return rows.map((row) => ({
    delivery: String(row.delivery_id),
    by: String(row.made_by),
    from: text(row.state_before),
    to: String(row.state_after),
    ownerBefore: text(row.owner_before),
    owner: text(row.owner_after),
    leaseLeft: row.lease_left === null ? null : Number(row.lease_left),
  }));
}

function text(value: unknown): string | null {
  return value === null ? null : String(value);
}
