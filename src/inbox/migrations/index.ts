import { Delivery } from '../delivery.entity.js';
import { HandlerRun } from '../handler-run.entity.js';
import { Rejection } from '../rejection.entity.js';
import { Cr3dentialsWebhookInitial1795392000000 } from './1795392000000-initial.migration.js';

/**
 * Entities of the inbox, for the `entities` of the host's DataSource.
 *
 * @publicApi
 */
export const cr3dentialsWebhookEntities = [Delivery, HandlerRun, Rejection] as const;

/**
 * Migrations of the inbox, for the `migrations` of the host's DataSource. Only they change the schema. Append-only.
 *
 * @publicApi
 */
export const cr3dentialsWebhookMigrations = [Cr3dentialsWebhookInitial1795392000000] as const;
