export { Cr3dentialsWebhookModule } from './cr3dentials-webhook.module.js';
export type {
  Cr3dentialsWebhookExtras,
  Cr3dentialsWebhookOptions,
  Cr3dentialsWebhookOptionsFactory,
} from './cr3dentials-webhook.options.js';
export { Cr3dentialsWebhookError, type Cr3dentialsWebhookErrorCode } from './cr3dentials-webhook.error.js';
export type { InboxGauges } from './instrumentation/inbox.gauges.js';
export type {
  BatchFacts,
  BatchOperation,
  ProcessGauges,
  QueueGauges,
  ReceivingSpan,
  AttemptFacts,
  SecretGauges,
  Telemetry,
  TelemetrySource,
} from './instrumentation/telemetry.js';
export type { RefusalKind, SecretProblem } from './instrumentation/refusal.kind.js';
export { onOccurrence } from './instrumentation/on-occurrence.js';
export {
  occurrences,
  type Announced,
  type OccurrenceMessage,
  type OccurrenceName,
} from './instrumentation/occurrence.names.js';
export type {
  DatabaseOperation,
  DeliverySource,
  OccurrenceError,
  AttemptOutcome,
} from './instrumentation/occurrence.types.js';
export type { Occurrences, AttemptMessage } from './instrumentation/occurrences.js';
export { Clock } from './clock.js';

export type { HttpOptions } from './http/http.options.js';

export type { AuthOptions } from './authentication/auth.options.js';
export type { SecretUse, SharedSecret } from './authentication/shared-secrets.js';
export type { ResolvedSecrets, SecretResolver, UnauthenticatedRequest } from './authentication/secret-resolver.js';

export { verificationStatuses, type VerificationStatus } from './contract/verification-status.js';
export type { PlatformClasses } from './contract/platforms.options.js';
export { VerificationPayload } from './contract/verification.payload.js';

export type { DatabaseOptions } from './database/database.options.js';
export type { ReceivingOptions } from './inbox/receiving.options.js';
export type { DeathReason, DeliveryState } from './inbox/delivery-state.entity.js';
export type { HandlerRunState } from './inbox/handler-run.entity.js';
export type { RejectionReason, RejectionState } from './inbox/rejection.entity.js';
export type { UnrecordedSession } from './inbox/unrecorded.sessions.js';
export type { Verdict } from './inbox/verdict.js';
export { cr3dentialsWebhookEntities } from './inbox/entities.js';
export { cr3dentialsWebhookMigrations } from './inbox/migrations/index.js';

export { KeyProvider, type EncryptionKey } from './encryption/key.provider.js';
export type { EncryptionKeyOption, EncryptionOptions, KeyCacheOptions } from './encryption/encryption.options.js';
export type { Encryption, EncryptionStatus, KeyStatus } from './encryption/encryption.js';
export type { ResealOptions, ResealProgress } from './encryption/resealer.js';

export type { ErasureKind, ErasureState } from './inbox/erasure.entity.js';
export type { Erasure } from './retention/erasure.js';
export type { EraseOptions, ErasureSubject } from './retention/erasure.options.js';
export type { RetentionOptions, RetentionPeriod } from './retention/retention.options.js';
export type { Retention, RetentionStatus } from './retention/retention.js';
export type { RetentionResult } from './retention/retention.runner.js';

export type { ObserveOptions } from './instance-reports/observe.options.js';

export type { ProcessingOptions, RetryFunction, RetryOptions } from './processing/processing.options.js';
export {
  VerificationCancelled,
  VerificationCompleted,
  VerificationErrored,
  VerificationPartiallyCompleted,
  VerificationTerminated,
  type VerificationEvent,
  type VerificationEventClass,
} from './processing/handlers/verification.event.js';
export { OnVerification, type OnVerificationOptions } from './processing/handlers/on-verification.decorator.js';
export type { HandlerOptions, RateLimit } from './processing/handlers/handler.options.js';
export type { HandlerContext } from './processing/handlers/handler.context.js';
export { PermanentError, RetryAfterError } from './processing/handlers/handler.errors.js';

export { Cr3dentialsWebhookInbox, type DeliveryKey } from './operations/cr3dentials-webhook.inbox.js';
export type { Action, ActionFilter, Actions, Revelation } from './operations/actions.js';
export type { ActionMessage, OnAction } from './operations/action.callback.js';
export type { ActionOptions, ReplayOptions } from './operations/action.options.js';
export type { ActionName, ActionSource } from './instrumentation/action.names.js';
export type { Attempt } from './operations/attempt.view.js';
export type { BulkOperations } from './operations/bulk.operations.js';
export type {
  BulkAction,
  BulkChange,
  BulkFilter,
  BulkGroup,
  BulkOperation,
  BulkPreview,
  BulkRequest,
  BulkSelection,
  BulkResume,
  BulkStart,
  BulkState,
  StoredSelection,
} from './operations/bulk.view.js';
export type { ErrorFilter, ErrorGroup, ErrorGroups } from './operations/error-group.view.js';
export type { History } from './operations/history.js';
export type {
  HandlerActivity,
  HandlerSummary,
  Instance,
  InstanceHandler,
  InstanceState,
  SecretRecord,
} from './operations/instance.view.js';
export type { Monitor } from './operations/monitor.js';
export type { Tallies, TallyCounter, TallyPoint, TallyQuery } from './operations/tally.view.js';
export type { ErasureFilter, Erasures } from './operations/erasures.js';
export type { ContentsState } from './operations/contents.view.js';
export type { DeliveryDetails, DeliverySummary, HandlerRunDetails } from './operations/delivery.view.js';
export type { RejectionDetails, RejectionSummary } from './operations/rejection.view.js';
export type { Acceptance, Rejections } from './operations/rejections.js';
export type { EachOptions, EachResult, ReplayAllOptions } from './operations/replay-all.js';
export type { DiscardResult, ReplayResult } from './operations/decision.results.js';
export type {
  HealthLimits,
  HealthOptions,
  HealthProblem,
  HealthProblemCode,
  HealthQuestion,
  InboxHealth,
} from './operations/inbox.health.js';
export type { DeliverySelection } from './inbox/selection.checks.js';
export type { InboxStats } from './operations/inbox.stats.js';
export type { DeliveryFilter, RejectionFilter } from './inbox/inbox.queries.js';
