import { Cr3dentialsWebhookInitial1795392000000 } from './1795392000000-initial.migration.js';

export { cr3dentialsWebhookEntities } from '../entities.js';

/**
 * Migrations of the inbox, for the `migrations` of the host's DataSource. Only they change the schema. Append-only.
 *
 * @publicApi
 */
export const cr3dentialsWebhookMigrations = [Cr3dentialsWebhookInitial1795392000000] as const;

export { migrateInTurn } from './migrate-in-turn.js';
