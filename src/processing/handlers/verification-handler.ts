import type { VerificationStatus } from '../../contract/verification-status.js';
import type { HandlerContext } from './handler.context.js';
import type { HandlerSettings } from './handler.options.js';
import type { VerificationEvent } from './verification.event.js';

/** A subscribed method, or all listeners of the event emitter. */
export interface VerificationHandler {
  readonly id: string;
  /** Class of the provider; none for the event emitter, and for an object without a class. */
  readonly owner?: object | undefined;
  /** Name of the method; none for the event emitter. */
  readonly method?: string | symbol;
  /** True if it is not in this app: a queue gives its runs to another. */
  readonly isRemote?: boolean;
  readonly transactional: boolean;
  readonly statuses: ReadonlySet<VerificationStatus>;
  /** Limits of its own; undefined if it has none. */
  readonly settings?: HandlerSettings | undefined;
  handle(event: VerificationEvent, context: HandlerContext): unknown;
}
