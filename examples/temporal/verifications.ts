import { Injectable } from '@nestjs/common';
import { Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';

/** Timeout of Temporal. It must be shorter than `processing.handlerTimeout`. */
const TIMEOUT_MS = 5_000;

/** What the workflow `onboard` of your workers gets. Temporal keeps it in its history: ids, and no personal data. */
export interface Onboarding {
  readonly deliveryId: string;
  readonly sessionId: string;
}

@Injectable()
export class Verifications {
  constructor(private readonly client: Client) {}

  /**
   * Completes after Temporal has stored the start. A start that is repeated finds the workflow, while it runs
   * (`USE_EXISTING`) and after it has ended (`REJECT_DUPLICATE`), for as long as Temporal keeps it.
   */
  @OnVerification(VerificationCompleted, { id: 'temporal.start' })
  async start({ deliveryId, sessionId }: VerificationCompleted, { signal }: HandlerContext): Promise<void> {
    const onboarding: Onboarding = { deliveryId, sessionId };
    try {
      await this.#within(signal, () =>
        this.client.workflow.start('onboard', {
          workflowId: `verification-${deliveryId}`,
          taskQueue: process.env.TEMPORAL_TASK_QUEUE ?? 'verifications',
          args: [onboarding],
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
        }),
      );
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error; // the handler is retried
    }
  }

  /** Ends the call with the signal of the handler, too. */
  #within<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    return this.client.withAbortSignal(signal, () => this.client.withDeadline(Date.now() + TIMEOUT_MS, call));
  }
}
