import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { DeliveryState } from '../inbox/delivery.entity.js';
import type { DeliveryWithRuns } from '../operations/cr3dentials-webhook.inbox.js';

const IN_FLIGHT_STATES: ReadonlySet<DeliveryState> = new Set(['pending', 'processing']);

/** Whether its handlers are done or dead, or none will run. */
export function isSettled({ state }: DeliveryWithRuns): boolean {
  return !IN_FLIGHT_STATES.has(state);
}

/** What a delivery that did not settle is waiting for, and what to do about it. */
export function settleTimeout(
  sessionId: string,
  delivery: DeliveryWithRuns | null,
  timeout: number,
): Cr3dentialsWebhookError {
  const situation = delivery ? explain(delivery) : 'It is not recorded: deliver it first, or name its tenant.';
  return new Cr3dentialsWebhookError(
    'INBOX_TIMEOUT',
    `Session "${sessionId}" has not settled within ${timeout} ms. ${situation}`,
  );
}

function explain({ state, runs }: DeliveryWithRuns): string {
  const failing = runs.filter(({ lastError }) => lastError !== null);
  const failures = failing.map(({ handler, lastError }) => `Handler "${handler}" has failed: ${lastError}.`);
  return [`It is "${state}".`, ...failures, remedy(state, failing.length > 0)].join(' ');
}

function remedy(state: DeliveryState, isFailing: boolean): string {
  if (state === 'processing') return 'Handlers are running: see what they wait for, or pass a longer "timeout".';
  return isFailing
    ? 'A retry comes later: in tests, give the module a policy that ends soon, such as processing: { retry: { attempts: 1 } }.'
    : 'No worker has taken it: see that a handler is subscribed and processing is enabled in the app, and that it is not being closed.';
}
