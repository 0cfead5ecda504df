import { Module, type DynamicModule, type NestModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { inboxProviders } from './inbox.providers.js';
import { operatingProviders } from './operating.providers.js';
import { observabilityProviders } from './observability.providers.js';
import { DurationWarnings } from './duration.warnings.js';
import { SecretUses } from './authentication/secret.uses.js';
import { SecretWarnings } from './authentication/secret.warnings.js';
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
  unconfiguredProviders,
} from './cr3dentials-webhook.module-definition.js';
import { DeliveryHandoff } from './inbox/delivery.handoff.js';
import { Encryption } from './encryption/encryption.js';
import { KeyRepository } from './encryption/key.repository.js';
import { KeyUses } from './encryption/key.uses.js';
import { LookupSecrets } from './encryption/lookup.secrets.js';
import { ResealRepository } from './encryption/reseal.repository.js';
import { ResealedColumns } from './encryption/resealed.columns.js';
import { retentionProviders } from './retention/retention.providers.js';
import { Resealer } from './encryption/resealer.js';
import { CompletionWriter } from './processing/dispatch/completion.writer.js';
import { OutcomeWriter } from './processing/dispatch/outcome.writer.js';
import { ContentsOpener } from './processing/dispatch/contents.opener.js';
import { DeliveryDispatcher } from './processing/dispatch/delivery.dispatcher.js';
import { DeliverySettler } from './processing/dispatch/delivery.settler.js';
import { DeliveryPoller } from './processing/worker/delivery.poller.js';
import { DeliveryPool } from './processing/worker/delivery.pool.js';
import { DeliveryWorker } from './processing/worker/delivery.worker.js';
import { DueDeliveries } from './processing/worker/due.deliveries.js';
import { InFlightDeliveries } from './processing/worker/in-flight.deliveries.js';
import { ProgressAnnouncer } from './processing/dispatch/progress.announcer.js';
import { LocalHandoff } from './processing/worker/local.handoff.js';
import { ShutdownState } from './processing/shutdown.state.js';
import { LazyModulesWatch } from './lazy-modules.watch.js';
import { BootstrapWatch } from './bootstrap.watch.js';
import { HostHooks } from './host-hooks.js';
import { ShutdownWatch } from './shutdown.watch.js';
import { WorkerIdentity } from './processing/worker.identity.js';
import { EventEmitterBridge } from './processing/handlers/event-emitter.bridge.js';
import { HandlerRunner } from './processing/dispatch/handler.runner.js';
import { LimitedHandlers } from './processing/dispatch/limited.handlers.js';
import { HandlerTransactionQueue } from './processing/dispatch/handler-transaction.queue.js';
import { LiveExecutions } from './processing/dispatch/live.executions.js';
import { AttemptObserver } from './processing/dispatch/attempt.observer.js';
import { QUEUE_CORE_TOKEN, queuedRunProviders } from './processing/queues/queued-run.providers.js';
import { AttemptEvaluator } from './processing/dispatch/attempt.evaluator.js';
import { LeaseRenewer } from './processing/worker/lease.renewer.js';
import { VerificationHandlersExplorer } from './processing/handlers/verification-handlers.explorer.js';
import { VerificationHandlersRegistry } from './processing/handlers/verification-handlers.registry.js';
import { Cr3dentialsWebhookInbox, INBOX_TOKEN } from './operations/cr3dentials-webhook.inbox.js';
import { DeliveryDecisions } from './operations/delivery.decisions.js';
import { DeliveryReader } from './operations/delivery.reader.js';
import { OPERATOR_CORE_TOKEN, operatorProviders } from './operations/operator.providers.js';
import { Erasures } from './operations/erasures.js';
import { Rejections } from './operations/rejections.js';
import { DeliveryRescuer } from './processing/worker/delivery.rescuer.js';
import { InterruptionCounter } from './processing/dispatch/interruption.counter.js';
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
    ...unconfiguredProviders,
    ...observabilityProviders,
    ...operatingProviders,
    // authentication
    SecretWarnings,
    SecretUses,
    // contract, http
    PayloadValidationPipe,
    ExtractedDataValidator,
    WebhookResponder,
    RequestWatch,
    ConnectionWatch,
    BodyReader,
    BodyParserErrorHandler,
    WebhookRoutes,
    // inbox
    ...inboxProviders,
    // encryption
    KeyRepository,
    LookupSecrets,
    KeyUses,
    ResealRepository,
    ResealedColumns,
    Resealer,
    Encryption,
    // retention
    ...retentionProviders,
    // processing
    WorkerIdentity,
    ShutdownState,
    { provide: DeliveryHandoff, useClass: LocalHandoff },
    DeliveryWorker,
    DeliveryPoller,
    DueDeliveries,
    DeliveryPool,
    InFlightDeliveries,
    ProgressAnnouncer,
    DeliveryDispatcher,
    ContentsOpener,
    HandlerRunner,
    LimitedHandlers,
    HandlerTransactionQueue,
    LiveExecutions,
    AttemptEvaluator,
    ...queuedRunProviders,
    AttemptObserver,
    DeliverySettler,
    CompletionWriter,
    OutcomeWriter,
    LeaseRenewer,
    VerificationHandlersExplorer,
    VerificationHandlersRegistry,
    EventEmitterBridge,
    { provide: RandomSource, useValue: { next: Math.random } satisfies RandomSource },
    RetryPolicy,
    InterruptionCounter,
    DeliveryRescuer,
    // operations
    Rejections,
    Erasures,
    DeliveryReader,
    DeliveryDecisions,
    ...operatorProviders,
    Cr3dentialsWebhookInbox,
    { provide: INBOX_TOKEN, useExisting: Cr3dentialsWebhookInbox },
    // lifecycle
    DurationWarnings,
    HostHooks,
    BootstrapWatch,
    ShutdownWatch,
    LazyModulesWatch,
    Cr3dentialsWebhookLifecycle,
  ],
  exports: [Cr3dentialsWebhookInbox, INBOX_TOKEN, QUEUE_CORE_TOKEN, OPERATOR_CORE_TOKEN],
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
