import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { DeliveryState } from '../inbox/delivery-state.entity.js';
import type { DeliveryDetails } from '../operations/delivery.view.js';

const IN_FLIGHT_STATES: ReadonlySet<DeliveryState> = new Set(['pending', 'processing']);

/** Returns true when no handler of the delivery will run any more. */
export function isFinished({ state }: DeliveryDetails): boolean {
  return !IN_FLIGHT_STATES.has(state);
}

/**
 * Returns the error for a delivery that did not finish in time. Its message has the state, the failed handlers and the
 * remedy.
 */
export function finishTimeout(
  sessionId: string,
  delivery: DeliveryDetails | null,
  timeout: number,
): Cr3dentialsWebhookError {
  const situation = delivery ? explain(delivery) : 'It is not recorded. Deliver it first, or pass its "tenant".';
  return new Cr3dentialsWebhookError(
    'INBOX_TIMEOUT',
    `Session "${sessionId}" has not finished within ${timeout} ms. ${situation}`,
  );
}

function explain({ state, runs }: DeliveryDetails): string {
  const failing = runs.filter(({ lastError }) => lastError !== null);
  const failures = failing.map(({ handler, lastError }) => `Handler "${handler}" has failed: ${lastError}.`);
  return [`It is "${state}".`, ...failures, remedy(state, failing.length > 0)].join(' ');
}

function remedy(state: DeliveryState, isFailing: boolean): string {
  if (state === 'processing')
    return 'Its handlers are still running. Find out what they wait for, or pass a longer "timeout".';
  return isFailing
    ? 'It waits for a retry. In tests, set a short retry policy, such as processing: { retry: { attempts: 1 } }.'
    : 'No worker has claimed it. Check that the app has a handler, that processing is enabled, and that the app is not closed.';
}
