import type { VerificationStatus } from '../../contract/verification-status.js';
import type { HandlerContext } from './handler.context.js';
import type { VerificationEvent } from './verification.event.js';

/** A subscribed method, or all listeners of the event emitter. */
export interface VerificationHandler {
  readonly id: string;
  /** Class of the provider; none for the event emitter, and for an object without a class. */
  readonly owner?: object | undefined;
  /** Name of the method; none for the event emitter. */
  readonly method?: string | symbol;
  readonly transactional: boolean;
  readonly statuses: ReadonlySet<VerificationStatus>;
  handle(event: VerificationEvent, context: HandlerContext): unknown;
}
