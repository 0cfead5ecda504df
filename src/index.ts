export { Cr3dentialsWebhookModule } from './cr3dentials-webhook.module.js';
export type {
  Cr3dentialsWebhookExtras,
  Cr3dentialsWebhookOptions,
  Cr3dentialsWebhookOptionsFactory,
} from './cr3dentials-webhook.options.js';
export { Cr3dentialsWebhookError, type Cr3dentialsWebhookErrorCode } from './cr3dentials-webhook.error.js';
export type { RefusalKind } from './instrumentation/refusal.kind.js';
export { Clock } from './clock.js';

export type { HttpOptions } from './http/http.options.js';

export type { AuthOptions } from './authentication/auth.options.js';
export type { SecretUse, SharedSecret } from './authentication/shared-secrets.js';
export type { ResolvedSecrets, SecretResolver, UnauthenticatedRequest } from './authentication/secret-resolver.js';

export { verificationStatuses, type VerificationStatus } from './contract/verification-status.js';
export type { PlatformClasses } from './contract/platforms.options.js';
export { VerificationPayload } from './contract/verification.payload.js';

export type { DatabaseOptions } from './database/database.options.js';
export type { ReceivingOptions } from './inbox/inbox.options.js';
export type { DeathReason, DeliveryState } from './inbox/delivery-state.entity.js';
export type { HandlerRunState } from './inbox/handler-run.entity.js';
export type { RejectionReason, RejectionState } from './inbox/rejection.entity.js';
export type { UnrecordedSession } from './inbox/unrecorded-session.repository.js';
export type { Verdict } from './inbox/verdict.js';
export { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from './inbox/migrations/index.js';

export { KeyProvider, type EncryptionKey } from './encryption/key.provider.js';
export type { EncryptionKeyOption, EncryptionOptions, KeyCacheOptions } from './encryption/encryption.options.js';
export type { Encryption, EncryptionStatus, KeyStatus } from './encryption/encryption.js';
export type { ResealOptions, ResealProgress } from './encryption/resealer.js';

export type { RetentionOptions, RetentionPeriod } from './retention/retention.options.js';
export type { Retention, RetentionStatus } from './retention/retention.js';
export type { RetentionResult } from './retention/retention.runner.js';

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
export type { HandlerContext } from './processing/handlers/handler.context.js';
export { PermanentError, RetryAfterError } from './processing/handlers/handler.errors.js';

export { Cr3dentialsWebhookInbox, type DeliveryKey } from './operations/cr3dentials-webhook.inbox.js';
export type { Contents } from './operations/contents.view.js';
export type { DeliveryDetails, DeliverySummary, HandlerRunDetails } from './operations/delivery.view.js';
export type { RejectionDetails, RejectionSummary } from './operations/rejection.view.js';
export type { Acceptance, Rejections } from './operations/rejections.js';
export type {
  BulkOptions,
  BulkResult,
  BulkSelection,
  DiscardResult,
  ReplayAllOptions,
  ReplayResult,
} from './operations/bulk.js';
export type { DeliverySelection } from './inbox/delivery.selection.js';
export type { InboxStats } from './operations/inbox.stats.js';
export type { DeliveryFilter, RejectionFilter } from './inbox/inbox.queries.js';
