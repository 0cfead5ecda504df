import { Inject, Injectable } from '@nestjs/common';
import type { ActionName, ActionSource } from '../instrumentation/action.names.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { errorName } from '../instrumentation/single-line.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';

/**
 * Act of an operator, as `onAction` is told of it. It has nothing of the contents.
 *
 * @publicApi
 */
export interface ActionMessage {
  /** What was done. */
  readonly action: ActionName;
  /** Name of the operator; null if none was given. */
  readonly operator: string | null;
  /** Way in which the operator acted. */
  readonly source: ActionSource;
  /** Id of the delivery, rejection or bulk operation; null for the deliveries of one `replayAll` or `discardAll`. */
  readonly targetId: string | null;
  /** Number of deliveries or rejections. */
  readonly count: number;
  /** Handlers that a replay named; null if it named none. */
  readonly handlers: readonly string[] | null;
  /** Reason that was given. */
  readonly reason: string | null;
}

/**
 * Function that is told of acts.
 *
 * @publicApi
 */
export type OnAction = (action: ActionMessage) => unknown;

export const ON_ACTION = Symbol('cr3dentials-webhook onAction');

/** Tells the host of the acts of operators. */
@Injectable()
export class ActionCallback {
  constructor(
    @Inject(ON_ACTION) onAction: OnAction | undefined,
    private readonly instrumentation: Instrumentation,
    telemetry: TelemetryHooks,
  ) {
    if (!onAction) return;
    instrumentation.subscribe('acted', (act) => void telemetry.inBackground(() => this.tell(onAction, { ...act })));
  }

  /** The error is not written down: the host's own code may quote anything. */
  private async tell(onAction: OnAction, action: ActionMessage): Promise<void> {
    try {
      await onAction(action);
    } catch (error) {
      this.instrumentation.announce('action-callback-failed', { error: errorName(error) });
    }
  }
}
