import { Module, type DynamicModule, type NestModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Instrumentation } from './instrumentation/instrumentation.js';
import { LogSubscriber } from './instrumentation/log.subscriber.js';
import { Counters } from './instrumentation/counters.subscriber.js';
import { DurationWarnings } from './duration.warnings.js';
import { SecretWarnings } from './authentication/secret.warnings.js';
import { Clock } from './clock.js';
import { WebhookResponder } from './http/webhook.responder.js';
import { PayloadValidationPipe } from './contract/payload-validation.pipe.js';
import { ExtractedDataValidator } from './contract/extracted-data.validator.js';
import { BodyParserErrorHandler } from './http/body-parser-error.handler.js';
import { Cr3dentialsWebhookLifecycle } from './cr3dentials-webhook.lifecycle.js';
import { ASYNC_OPTIONS_TYPE, ConfigurableModuleClass, OPTIONS_TYPE } from './cr3dentials-webhook.module-definition.js';
import { DatabaseClock } from './database/database.clock.js';
import { GroupCommitWriter } from './inbox/group-commit.writer.js';
import { HandlerRunRepository } from './inbox/handler-run.repository.js';
import { DeliveryHandoff } from './inbox/delivery.handoff.js';
import { DatabaseConnection } from './database/database.connection.js';
import { DeliveryStateRepository } from './inbox/delivery-state.repository.js';
import { Tables } from './inbox/tables.js';
import { DeliveryRepository } from './inbox/delivery.repository.js';
import { InboxQueries } from './inbox/inbox.queries.js';
import { PayloadCodec, PlainTextCodec } from './inbox/payload.codec.js';
import { RejectionRepository } from './inbox/rejection.repository.js';
import { WebhookReceiver } from './inbox/webhook.receiver.js';
import { CompletionWriter } from './processing/dispatch/completion.writer.js';
import { DeliveryDispatcher } from './processing/dispatch/delivery.dispatcher.js';
import { DeliverySettler } from './processing/dispatch/delivery.settler.js';
import { DeliveryPoller } from './processing/worker/delivery.poller.js';
import { DeliveryPool } from './processing/worker/delivery.pool.js';
import { DeliveryWorker } from './processing/worker/delivery.worker.js';
import { InFlightDeliveries } from './processing/worker/in-flight.deliveries.js';
import { LocalHandoff } from './processing/worker/local.handoff.js';
import { WorkerIdentity } from './processing/worker.identity.js';
import { EventEmitterBridge } from './processing/handlers/event-emitter.bridge.js';
import { HandlerRunner } from './processing/dispatch/handler.runner.js';
import { LeaseRenewer } from './processing/worker/lease.renewer.js';
import { VerificationHandlersExplorer } from './processing/handlers/verification-handlers.explorer.js';
import { VerificationHandlersRegistry } from './processing/handlers/verification-handlers.registry.js';
import { Cr3dentialsWebhookInbox } from './operations/cr3dentials-webhook.inbox.js';
import { Rejections } from './operations/rejections.js';
import { DeliveryRescuer } from './processing/worker/delivery.rescuer.js';
import { RandomSource, RetryPolicy } from './processing/dispatch/retry.policy.js';
import { WebhookRoutes } from './http/webhook-routes.js';

/**
 * Receives Cr3dentials webhooks, records them and turns them into typed events. Import it with `forRoot` or
 * `forRootAsync`, subscribe with `@OnVerification`, operate it with `Cr3dentialsWebhookInbox`.
 *
 * @publicApi
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    // instrumentation
    Instrumentation,
    LogSubscriber,
    Counters,
    // authentication
    SecretWarnings,
    // contract
    PayloadValidationPipe,
    WebhookResponder,
    ExtractedDataValidator,
    BodyParserErrorHandler,
    WebhookRoutes,
    // inbox
    {
      provide: Tables,
      inject: [DatabaseConnection],
      useFactory: ({ reader }: DatabaseConnection) => new Tables(reader),
    },
    {
      provide: DatabaseClock,
      inject: [DatabaseConnection],
      useFactory: (connection: DatabaseConnection) => DatabaseClock.measured(connection),
    },
    { provide: Clock, useExisting: DatabaseClock },
    { provide: PayloadCodec, useClass: PlainTextCodec },
    WebhookReceiver,
    GroupCommitWriter,
    DeliveryRepository,
    DeliveryStateRepository,
    HandlerRunRepository,
    RejectionRepository,
    InboxQueries,
    // processing
    WorkerIdentity,
    { provide: DeliveryHandoff, useClass: LocalHandoff },
    DeliveryWorker,
    DeliveryPoller,
    DeliveryPool,
    InFlightDeliveries,
    DeliveryDispatcher,
    HandlerRunner,
    DeliverySettler,
    CompletionWriter,
    LeaseRenewer,
    VerificationHandlersExplorer,
    VerificationHandlersRegistry,
    EventEmitterBridge,
    // recovery
    { provide: RandomSource, useValue: { next: Math.random } satisfies RandomSource },
    RetryPolicy,
    DeliveryRescuer,
    Rejections,
    Cr3dentialsWebhookInbox,
    DurationWarnings,
    Cr3dentialsWebhookLifecycle,
  ],
  exports: [Cr3dentialsWebhookInbox],
})
export class Cr3dentialsWebhookModule extends ConfigurableModuleClass implements NestModule {
  constructor(private readonly bodyParserErrors: BodyParserErrorHandler) {
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

  /** Installs the handler of body parser errors, before routes are registered. Nest calls it. */
  configure(): void {
    this.bodyParserErrors.install();
  }
}
