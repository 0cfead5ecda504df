import type { Provider } from '@nestjs/common';
import { ReceivingLimit } from './concurrency/receiving.limit.js';
import { RECEIVING_SETTINGS, type ReceivingSettings } from './inbox/receiving.options.js';
import { Clock } from './clock.js';
import { DatabaseClock } from './database/database.clock.js';
import { GroupCommitWriter } from './inbox/group-commit.writer.js';
import { HandlerRunRepository } from './inbox/handler-run.repository.js';
import { DatabaseConnection } from './database/database.connection.js';
import { ClaimRepository } from './inbox/claim.repository.js';
import { DueRepository } from './inbox/due.repository.js';
import { HandlerSetRepository } from './inbox/handler-set.repository.js';
import { RescueRepository } from './inbox/rescue.repository.js';
import { DeliveryStateRepository } from './inbox/delivery-state.repository.js';
import { SettlementRepository } from './inbox/settlement.repository.js';
import { DuplicateCounter } from './inbox/duplicate.counter.js';
import { TombstoneRepository } from './inbox/tombstone.repository.js';
import { TelemetryHooks } from './instrumentation/telemetry.hooks.js';
import { Tables } from './inbox/tables.js';
import { DeliveryRepository } from './inbox/delivery.repository.js';
import { InboxQueries } from './inbox/inbox.queries.js';
import { GaugeQueries } from './inbox/gauge.queries.js';
import { SelectionQueries } from './inbox/selection.queries.js';
import { PayloadCodec } from './inbox/payload.codec.js';
import { ReferenceKeys } from './inbox/reference-keys.js';
import { RejectionQueries } from './inbox/rejection.queries.js';
import { TaskRepository } from './inbox/task.repository.js';
import { openCodec } from './encryption/encryption.boot.js';
import { ENCRYPTION_SETTINGS, type EncryptionSettings } from './encryption/encryption.options.js';
import { KeySource } from './encryption/key.source.js';
import { LookupSecrets } from './encryption/lookup.secrets.js';
import { RejectionRepository } from './inbox/rejection.repository.js';
import { DeliveryLookupQueries } from './inbox/delivery-lookup.queries.js';
import { UnrecordedSessions } from './inbox/unrecorded.sessions.js';
import { WebhookReceiver } from './inbox/webhook.receiver.js';

/** What records deliveries, and what reads and changes them. */
export const inboxProviders: readonly Provider[] = [
  {
    provide: Tables,
    inject: [DatabaseConnection],
    useFactory: ({ hostDataSource }: DatabaseConnection) => new Tables(hostDataSource),
  },
  {
    provide: DatabaseClock,
    inject: [DatabaseConnection, TelemetryHooks],
    useFactory: (connection: DatabaseConnection, hooks: TelemetryHooks) =>
      hooks.inBackground(() => DatabaseClock.measured(connection)),
  },
  { provide: Clock, useExisting: DatabaseClock },
  {
    provide: ReceivingLimit,
    inject: [RECEIVING_SETTINGS],
    useFactory: ({ maxQueued, maxQueuedBytes }: ReceivingSettings) => new ReceivingLimit(maxQueued, maxQueuedBytes),
  },
  WebhookReceiver,
  GroupCommitWriter,
  DeliveryRepository,
  DuplicateCounter,
  ClaimRepository,
  DueRepository,
  HandlerSetRepository,
  RescueRepository,
  DeliveryStateRepository,
  SettlementRepository,
  HandlerRunRepository,
  TombstoneRepository,
  RejectionRepository,
  DeliveryLookupQueries,
  ReferenceKeys,
  UnrecordedSessions,
  InboxQueries,
  GaugeQueries,
  SelectionQueries,
  RejectionQueries,
  TaskRepository,
  {
    provide: PayloadCodec,
    inject: [ENCRYPTION_SETTINGS, KeySource, LookupSecrets, TelemetryHooks],
    useFactory: (settings: EncryptionSettings, keys: KeySource, lookups: LookupSecrets, hooks: TelemetryHooks) =>
      hooks.inBackground(() => openCodec(settings, keys, lookups)),
  },
];
