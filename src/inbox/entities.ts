import { ActionRow } from './action.entity.js';
import { AttemptRow } from './attempt.entity.js';
import { BulkRow } from './bulk.entity.js';
import { Delivery } from './delivery.entity.js';
import { DeliveryStateRow } from './delivery-state.entity.js';
import { EncryptionKeyRow } from './encryption-key.entity.js';
import { ErasureRow } from './erasure.entity.js';
import { HandlerRun } from './handler-run.entity.js';
import { HandlerSetRow } from './handler-set.entity.js';
import { InstanceRow } from './instance.entity.js';
import { Rejection } from './rejection.entity.js';
import { SecretUseRow } from './secret-use.entity.js';
import { TallyRow } from './tally.entity.js';
import { TaskRow } from './task.entity.js';

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
  ErasureRow,
  ActionRow,
  BulkRow,
  AttemptRow,
  TallyRow,
  InstanceRow,
  SecretUseRow,
] as const;
