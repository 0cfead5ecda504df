import { Module, type DynamicModule, type NestModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Instrumentation } from './instrumentation/instrumentation.js';
import { LogSubscriber } from './instrumentation/log.subscriber.js';
import { Counters } from './instrumentation/counters.subscriber.js';
import { DurationWarnings } from './duration.warnings.js';
import { SecretUses } from './authentication/secret-uses.js';
import { SecretWarnings } from './authentication/secret.warnings.js';
import { QueueLimit } from './concurrency/queue.limit.js';
import { RECEIVING_SETTINGS, type ReceivingSettings } from './inbox/inbox.options.js';
import { Clock } from './clock.js';
import { BodyReader } from './http/body.reader.js';
import { ConnectionWatch } from './http/connection.watch.js';
import { RequestWatch } from './http/request.watch.js';
import { WebhookResponder } from './http/webhook.responder.js';
import { PayloadValidationPipe } from './contract/payload-validation.pipe.js';
import { ExtractedDataValidator } from './contract/extracted-data.validator.js';
import { BodyParserErrorHandler } from './http/body-parser-error.handler.js';
import { Cr3dentialsWebhookLifecycle } from './cr3dentials-webhook.lifecycle.js';
import {
  ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  OPTIONS_TYPE,
  unconfigured,
} from './cr3dentials-webhook.module-definition.js';
import { DatabaseClock } from './database/database.clock.js';
import { GroupCommitWriter } from './inbox/group-commit.writer.js';
import { HandlerRunRepository } from './inbox/handler-run.repository.js';
import { DeliveryHandoff } from './inbox/delivery.handoff.js';
import { DatabaseConnection } from './database/database.connection.js';
import { ClaimRepository } from './inbox/claim.repository.js';
import { HandlerSetRepository } from './inbox/handler-set.repository.js';
import { RescueRepository } from './inbox/rescue.repository.js';
import { DeliveryStateRepository } from './inbox/delivery-state.repository.js';
import { SettlementRepository } from './inbox/settlement.repository.js';
import { DuplicateCounter } from './inbox/duplicate.counter.js';
import { Tables } from './inbox/tables.js';
import { DeliveryRepository } from './inbox/delivery.repository.js';
import { InboxQueries } from './inbox/inbox.queries.js';
import { SelectionQueries } from './inbox/selection.queries.js';
import { PayloadCodec } from './inbox/payload.codec.js';
import { RejectionQueries } from './inbox/rejection.queries.js';
import { TaskRepository } from './inbox/task.repository.js';
import { openCodec } from './encryption/encryption.boot.js';
import { ENCRYPTION_SETTINGS } from './encryption/encryption.options.js';
import { Encryption } from './encryption/encryption.js';
import { KeyRepository } from './encryption/key.repository.js';
import { KeySource } from './encryption/key.source.js';
import { KeyUses } from './encryption/key.uses.js';
import { LookupSecrets } from './encryption/lookup.secrets.js';
import { ResealRepository } from './encryption/reseal.repository.js';
import { ResealedColumns } from './encryption/resealed.columns.js';
import { Retention } from './retention/retention.js';
import { RetentionRepository } from './retention/retention.repository.js';
import { RetentionRunner } from './retention/retention.runner.js';
import { Resealer } from './encryption/resealer.js';
import { RejectionRepository } from './inbox/rejection.repository.js';
import { UnrecordedSessionRepository } from './inbox/unrecorded-session.repository.js';
import { WebhookReceiver } from './inbox/webhook.receiver.js';
import { CompletionWriter } from './processing/dispatch/completion.writer.js';
import { OutcomeWriter } from './processing/dispatch/outcome.writer.js';
import { ContentsOpener } from './processing/dispatch/contents.opener.js';
import { DeliveryDispatcher } from './processing/dispatch/delivery.dispatcher.js';
import { DeliverySettler } from './processing/dispatch/delivery.settler.js';
import { DeliveryPoller } from './processing/worker/delivery.poller.js';
import { DeliveryPool } from './processing/worker/delivery.pool.js';
import { DeliveryWorker } from './processing/worker/delivery.worker.js';
import { InFlightDeliveries } from './processing/worker/in-flight.deliveries.js';
import { LocalHandoff } from './processing/worker/local.handoff.js';
import { ShutdownState } from './processing/shutdown.state.js';
import { LazyModulesWatch } from './lazy-modules.watch.js';
import { BootstrapWatch } from './bootstrap.watch.js';
import { HostHooks } from './host-hooks.js';
import { ShutdownWatch } from './shutdown.watch.js';
import { WorkerIdentity } from './processing/worker.identity.js';
import { EventEmitterBridge } from './processing/handlers/event-emitter.bridge.js';
import { HandlerRunner } from './processing/dispatch/handler.runner.js';
import { LiveExecutions } from './processing/dispatch/live.executions.js';
import { RunResults } from './processing/dispatch/run.results.js';
import { LeaseRenewer } from './processing/worker/lease.renewer.js';
import { VerificationHandlersExplorer } from './processing/handlers/verification-handlers.explorer.js';
import { VerificationHandlersRegistry } from './processing/handlers/verification-handlers.registry.js';
import { Cr3dentialsWebhookInbox } from './operations/cr3dentials-webhook.inbox.js';
import { DeliveryReader } from './operations/delivery.reader.js';
import { Rejections } from './operations/rejections.js';
import { DeliveryRescuer } from './processing/worker/delivery.rescuer.js';
import { InterruptionCounter } from './processing/dispatch/interruption.counter.js';
import { RandomSource, RetryPolicy } from './processing/dispatch/retry.policy.js';
import { WebhookRoutes } from './http/webhook-routes.js';

const INBOX_NAME = 'Cr3dentialsWebhookInbox';

/**
 * Receives Cr3dentials webhooks, records them and turns them into typed events. Import it with `forRoot` or
 * `forRootAsync`, subscribe with `@OnVerification`, operate it with `Cr3dentialsWebhookInbox`.
 *
 * @publicApi
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    ...unconfigured,
    // instrumentation
    Instrumentation,
    LogSubscriber,
    Counters,
    // authentication
    SecretWarnings,
    SecretUses,
    // contract
    PayloadValidationPipe,
    WebhookResponder,
    RequestWatch,
    ConnectionWatch,
    BodyReader,
    ExtractedDataValidator,
    BodyParserErrorHandler,
    WebhookRoutes,
    // inbox
    {
      provide: Tables,
      inject: [DatabaseConnection],
      useFactory: ({ host }: DatabaseConnection) => new Tables(host),
    },
    {
      provide: DatabaseClock,
      inject: [DatabaseConnection],
      useFactory: (connection: DatabaseConnection) => DatabaseClock.measured(connection),
    },
    { provide: Clock, useExisting: DatabaseClock },
    {
      provide: QueueLimit,
      inject: [RECEIVING_SETTINGS],
      useFactory: ({ maxQueued, maxQueuedBytes }: ReceivingSettings) => new QueueLimit(maxQueued, maxQueuedBytes),
    },
    WebhookReceiver,
    GroupCommitWriter,
    DeliveryRepository,
    DuplicateCounter,
    ClaimRepository,
    HandlerSetRepository,
    RescueRepository,
    DeliveryStateRepository,
    SettlementRepository,
    HandlerRunRepository,
    RejectionRepository,
    UnrecordedSessionRepository,
    InboxQueries,
    SelectionQueries,
    RejectionQueries,
    TaskRepository,
    // encryption
    { provide: PayloadCodec, inject: [ENCRYPTION_SETTINGS, KeySource, LookupSecrets], useFactory: openCodec },
    KeyRepository,
    LookupSecrets,
    KeyUses,
    ResealRepository,
    ResealedColumns,
    Resealer,
    Encryption,
    // retention
    RetentionRepository,
    RetentionRunner,
    Retention,
    // processing
    WorkerIdentity,
    ShutdownState,
    { provide: DeliveryHandoff, useClass: LocalHandoff },
    DeliveryWorker,
    DeliveryPoller,
    DeliveryPool,
    InFlightDeliveries,
    DeliveryDispatcher,
    ContentsOpener,
    HandlerRunner,
    LiveExecutions,
    RunResults,
    DeliverySettler,
    CompletionWriter,
    OutcomeWriter,
    LeaseRenewer,
    VerificationHandlersExplorer,
    VerificationHandlersRegistry,
    EventEmitterBridge,
    // recovery
    { provide: RandomSource, useValue: { next: Math.random } satisfies RandomSource },
    RetryPolicy,
    InterruptionCounter,
    DeliveryRescuer,
    Rejections,
    DeliveryReader,
    Cr3dentialsWebhookInbox,
    // The class is another one in each copy of the package. A script may load the ES module beside a CommonJS app.
    { provide: INBOX_NAME, useExisting: Cr3dentialsWebhookInbox },
    DurationWarnings,
    HostHooks,
    BootstrapWatch,
    ShutdownWatch,
    LazyModulesWatch,
    Cr3dentialsWebhookLifecycle,
  ],
  exports: [Cr3dentialsWebhookInbox, INBOX_NAME],
})
export class Cr3dentialsWebhookModule extends ConfigurableModuleClass implements NestModule {
  constructor(
    private readonly bodyParserErrors: BodyParserErrorHandler,
    private readonly requests: RequestWatch,
  ) {
    super();
  }

  /**
   * Returns the module for these options.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option is unknown or ill-typed
   */
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    return super.forRoot(options ?? {}); // without a type check, nothing may be passed: it is answered as {} is
  }

  /**
   * Returns the module for options that a provider makes, by `useFactory`, `useClass` or `useExisting`.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option beside the provider is unknown or ill-typed
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }

  /** Installs what must be there before routes are registered. Nest calls it. */
  configure(): void {
    this.requests.install();
    this.bodyParserErrors.install();
  }
}
