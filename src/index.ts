export { Cr3dentialsWebhookModule } from './cr3dentials-webhook.module.js';
export type {
  Cr3dentialsWebhookExtras,
  Cr3dentialsWebhookOptions,
  Cr3dentialsWebhookOptionsFactory,
} from './cr3dentials-webhook.options.js';
export { Cr3dentialsWebhookError, type Cr3dentialsWebhookErrorCode } from './cr3dentials-webhook.error.js';
export { Clock } from './clock.js';

export type { HttpOptions } from './http/http.options.js';

export type { AuthOptions } from './authentication/auth.options.js';
export type { SharedSecret } from './authentication/shared-secrets.js';
export type { ResolvedSecrets, SecretResolver, UnauthenticatedRequest } from './authentication/secret-resolver.js';

export { verificationStatuses, type VerificationStatus } from './contract/verification-status.js';
export type { PlatformClasses } from './contract/platforms.options.js';
export { VerificationPayload } from './contract/verification.payload.js';

export type { ReceivingOptions } from './inbox/inbox.options.js';
export type { DeliveryState } from './inbox/delivery.entity.js';
export type { HandlerRunState } from './inbox/handler-run.entity.js';
export type { RejectionReason, RejectionState } from './inbox/rejection.entity.js';
export { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from './inbox/migrations/index.js';

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
export type { DeliveryDetails, DeliverySummary, HandlerRunDetails } from './operations/delivery.view.js';
export type { RejectionDetails, RejectionSummary } from './operations/rejection.view.js';
export type { Acceptance, Rejections } from './operations/rejections.js';
export type { DeliveryFilter, InboxStats, RejectionFilter } from './inbox/inbox.queries.js';
