import { Delivery } from '../delivery.entity.js';
import { DeliveryStateRow } from '../delivery-state.entity.js';
import { EncryptionKeyRow } from '../encryption-key.entity.js';
import { HandlerRun } from '../handler-run.entity.js';
import { HandlerSetRow } from '../handler-set.entity.js';
import { Rejection } from '../rejection.entity.js';
import { TaskRow } from '../task.entity.js';
import { Cr3dentialsWebhookInitial1795392000000 } from './1795392000000-initial.migration.js';

/**
 * Entities of the inbox, for the `entities` of the host's DataSource.
 *
 * @publicApi
 */
export const cr3dentialsWebhookEntities = [
  Delivery,
  DeliveryStateRow,
  HandlerRun,
  HandlerSetRow,
  Rejection,
  EncryptionKeyRow,
  TaskRow,
] as const;

/**
 * Migrations of the inbox, for the `migrations` of the host's DataSource. Only they change the schema. Append-only.
 *
 * @publicApi
 */
export const cr3dentialsWebhookMigrations = [Cr3dentialsWebhookInitial1795392000000] as const;
